package extractive

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// weightsFile is made by the test in train_test.go; README.md says how.
//
//go:embed weights.json.gz
var weightsFile []byte

// weights is a multinomial logistic regression over the features of one
// block, and how the parts of a visit follow one another.
type weights struct {
	// Feature weights for N, S, E, R, P.
	Features map[string][5]float64 `json:"features"`
	// Transitions is log P(to | from); row 5 is the beginning of the visit.
	Transitions [6][5]float64 `json:"transitions"`
	Prior       [5]float64    `json:"prior"`
}

// transitionShare weakens the transitions: they are estimated on few visits.
const transitionShare = 0.5

func readWeights(b []byte) (*weights, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	w := new(weights)
	if err := json.NewDecoder(z).Decode(w); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *weights) probabilities(bs []block) [][5]float64 {
	out := make([][5]float64, len(bs))
	for i := range bs {
		var prev *block
		if i > 0 {
			prev = &bs[i-1]
		}
		var s [5]float64
		features(&bs[i], prev, func(f []byte) {
			if v, ok := w.Features[string(f)]; ok {
				for j := range s {
					s[j] += v[j]
				}
			}
		})
		out[i] = softmax(s)
	}
	return out
}

// path is the most probable sequence of labels (Viterbi).
func (w *weights) path(p [][5]float64) []label {
	n := len(p)
	score := make([][5]float64, n)
	back := make([][5]int, n)
	for j := range labels {
		score[0][j] = math.Log(p[0][j]+1e-9) + transitionShare*w.Transitions[5][j]
	}
	for i := 1; i < n; i++ {
		for j := range labels {
			bestK, bestV := 0, math.Inf(-1)
			for k := range labels {
				if v := score[i-1][k] + transitionShare*(w.Transitions[k][j]-math.Log(w.Prior[j])); v > bestV {
					bestK, bestV = k, v
				}
			}
			back[i][j] = bestK
			score[i][j] = bestV + math.Log(p[i][j]+1e-9)
		}
	}
	at := 0
	for j := range labels {
		if score[n-1][j] > score[n-1][at] {
			at = j
		}
	}
	out := make([]label, n)
	for i := n - 1; i >= 0; i-- {
		out[i] = labels[at]
		at = back[i][at]
	}
	return out
}

// features calls emit with the name of each feature of a block. Names are
// short: they are map keys of the weights. emit must not keep the bytes.
func features(b, prev *block, emit func([]byte)) {
	buf := make([]byte, 0, 64)
	put := func(parts ...string) {
		buf = buf[:0]
		for _, p := range parts {
			buf = append(buf, p...)
		}
		emit(buf)
	}
	typ := string(b.typ)
	tenth := strconv.Itoa(min(9, int(b.pos*10)))
	third := strconv.Itoa(min(9, int(b.pos*10)) / 3)
	put("")
	put("T=", typ)
	put("P=", tenth)
	put("TP=", typ, tenth)
	if b.question && b.typ == said {
		put("isq")
	}
	switch b.pol {
	case yes:
		put("pol=y")
	case no:
		put("pol=n")
	}
	last, n := "", 0
	for _, w := range b.words {
		if isPunct(w) {
			continue
		}
		n++
		s := stem(w)
		put("w=", s)
		put(typ, "w=", s)
		if last != "" {
			put("b=", last, "_", s)
		}
		last = s
	}
	for i := range cueCount {
		c := strconv.Itoa(i)
		if b.cues&(1<<i) != 0 {
			put("c=", c)
			put("c=", c, typ)
			put("c=", c, "/", third)
		}
		if prev != nil && prev.cues&(1<<i) != 0 {
			put("pc=", c)
		}
	}
	var kinds [8]string
	k := 0
	for _, t := range b.terms {
		if k < len(kinds) && !has(kinds[:k], t.kind) {
			kinds[k] = t.kind
			k++
			put("k=", t.kind)
			put("k=", t.kind, typ, third)
		}
	}
	put("nk=", strconv.Itoa(min(4, len(b.terms))))
	put("len=", size(n))
}

func size(words int) string {
	switch {
	case words < 3:
		return "0"
	case words < 6:
		return "1"
	case words < 12:
		return "2"
	case words < 20:
		return "3"
	}
	return "4"
}

// stem cuts common endings, so that forms of a word share a weight. Numbers
// are all alike.
func stem(w string) string {
	if isNumeric(w) {
		return "#"
	}
	w = strings.TrimSuffix(w, "'s")
	for _, e := range []string{"ing", "ies", "ed", "es", "ly", "s"} {
		if len(w) > len(e)+3 && strings.HasSuffix(w, e) {
			return w[:len(w)-len(e)]
		}
	}
	return w
}
