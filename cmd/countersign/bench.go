package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"
)

type benchCommand struct {
	Pipeline benchPipelineCommand `cmd:"" help:"Whole visits, one after the other: end of visit to draft, signature to accepted everywhere."`
}

func (c *benchCommand) Help() string { return "Example: countersign bench pipeline --visits 100" }

type benchPipelineCommand struct {
	Visits     int      `default:"100" help:"How many visits."`
	Transcript []string `help:"Conversations to use in turn; the bundled one without." placeholder:"FILE"`
	For        string   `default:"50s" help:"Stop after this long even with fewer visits."`
	JSON       bool     `help:"Print JSON."`
}

func (c *benchPipelineCommand) Help() string {
	return `Gateway, simulated EHR and client run in this one process and share its cores. The raw limit of the same run is a 4 KiB write with fsync
in the same directory: nothing that is durable can be faster than a few of those.

Example: countersign bench pipeline --visits 100 --json`
}

// pipelineResult is what bench pipeline measures; times are milliseconds.
type pipelineResult struct {
	Visits        int                `json:"visits"`
	DraftMS       map[string]float64 `json:"draft_ms"`       // end of visit → draft ready
	OverheadMS    map[string]float64 `json:"overhead_ms"`    // of that, what was not the drafter
	AcceptedMS    map[string]float64 `json:"accepted_ms"`    // signature → accepted by all four destinations
	FsyncMS       map[string]float64 `json:"fsync_ms"`       // raw limit: 4 KiB write and fsync
	OverheadRatio float64            `json:"overhead_ratio"` // overhead p50 ÷ fsync p50
	AcceptedRatio float64            `json:"accepted_ratio"` // accepted p50 ÷ fsync p50
}

func (c *benchPipelineCommand) Run(e *env) error {
	limit, err := time.ParseDuration(c.For)
	if err != nil {
		return fmt.Errorf("--for: %w", err)
	}
	if c.Visits < 1 {
		return errors.New("--visits: at least 1")
	}
	visits, err := (&demoCommand{Transcript: c.Transcript}).visits(e)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "countersign-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	raw, err := fsyncTimes(dir, 200)
	if err != nil {
		return err
	}
	d, err := startDemo(e.ctx, filepath.Join(dir, "data"), c.Visits, slog.New(slog.NewTextHandler(io.Discard, nil)), nil)
	if err != nil {
		return err
	}
	defer d.close()
	var draft, overhead, accepted []float64
	begun := time.Now()
	for i := 0; i < c.Visits && time.Since(begun) < limit; i++ {
		line, err := d.autoVisit(e.ctx, i, visits[i%len(visits)])
		if err != nil {
			return fmt.Errorf("visit %d: %w", i+1, err)
		}
		if err := d.check(line); err != nil {
			return fmt.Errorf("visit %d: %w", i+1, err)
		}
		draft, overhead, accepted = append(draft, line.DraftMS), append(overhead, line.OverheadMS), append(accepted, line.AcceptedMS)
		if (i+1)%10 == 0 {
			fmt.Fprintf(e.stderr, "%d of %d visits\n", i+1, c.Visits)
		}
	}
	r := pipelineResult{
		Visits: len(draft), DraftMS: quantiles(draft), OverheadMS: quantiles(overhead), AcceptedMS: quantiles(accepted), FsyncMS: quantiles(raw),
	}
	r.OverheadRatio, r.AcceptedRatio = r.OverheadMS["p50"]/r.FsyncMS["p50"], r.AcceptedMS["p50"]/r.FsyncMS["p50"]
	if c.JSON {
		return e.json(r)
	}
	e.printf("%d visits                          p50 ms   p99 ms\n", r.Visits)
	for _, row := range []struct {
		name string
		q    map[string]float64
	}{
		{"end of visit → draft ready", r.DraftMS}, {"  of that, not the drafter", r.OverheadMS},
		{"signature → accepted everywhere", r.AcceptedMS}, {"raw limit: 4 KiB write + fsync", r.FsyncMS},
	} {
		e.printf("%-34s %8.2f %8.2f\n", row.name, row.q["p50"], row.q["p99"])
	}
	e.printf("overhead is %.1f fsyncs, signature to accepted %.1f fsyncs\n", r.OverheadRatio, r.AcceptedRatio)
	return nil
}

// fsyncTimes measures n raw durable writes.
func fsyncTimes(dir string, n int) ([]float64, error) {
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	block := make([]byte, 4096)
	var out []float64
	for range n {
		begun := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		out = append(out, millis(time.Since(begun)))
	}
	return out, nil
}

// quantiles of milliseconds by nearest rank.
func quantiles(v []float64) map[string]float64 {
	if len(v) == 0 {
		return map[string]float64{"p50": 0, "p99": 0}
	}
	s := slices.Sorted(slices.Values(v))
	at := func(q float64) float64 { return s[min(len(s)-1, int(q*float64(len(s))))] }
	return map[string]float64{"p50": at(0.50), "p99": at(0.99)}
}
