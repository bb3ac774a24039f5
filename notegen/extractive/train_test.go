package extractive

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"flag"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/internal/transcriptfile"
	"countersign/review"
)

var trainDir = flag.String("train", "", "train the weights on ID.txt and ID.note.txt of this folder and write weights.json.gz")

const (
	epochs     = 12
	rate       = 0.15
	decay      = 1e-3 // L2, for each step
	minCount   = 3    // a feature seen in fewer blocks is dropped
	minWeight  = 0.35 // a feature with no weight as large is pruned
	minOverlap = 0.45 // of a block's words with a note's sentence
)

type example struct {
	features []string
	y        int
	weight   float64
}

// TestTrain makes weights.json.gz anew; see README.md.
func TestTrain(t *testing.T) {
	if *trainDir == "" {
		t.Skip("needs -train DIR")
	}
	files, err := filepath.Glob(filepath.Join(*trainDir, "*.note.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no notes in %s (%v)", *trainDir, err)
	}
	d := newRules()
	var visits [][]block
	var notes [][]refSentence
	df := map[string]float64{}
	for _, f := range files {
		ref, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		us, _, err := readFile(strings.TrimSuffix(f, ".note.txt") + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		turns := d.turns(review.Transcript{Streams: []review.StreamTranscript{{StreamID: "s", Utterances: us}}})
		d.repair(turns)
		bs := d.blocks(turns, d.units(turns))
		d.rules(bs)
		visits = append(visits, bs)
		sents := refSentences(string(ref))
		notes = append(notes, sents)
		seen := map[string]bool{}
		for _, b := range bs {
			maps.Copy(seen, contentWords(b.words))
		}
		for _, s := range sents {
			maps.Copy(seen, s.words)
		}
		for w := range seen {
			df[w]++
		}
	}
	for w, n := range df {
		df[w] = math.Log(1 + float64(len(visits))/n)
	}
	var data []example
	w := &weights{Features: map[string][5]float64{}}
	var trans [6][5]float64
	for i, bs := range visits {
		last := 5
		for j := range bs {
			y, sim := align(bs[j].words, notes[i], df)
			trans[last][y]++
			w.Prior[y]++
			last = y
			var prev *block
			if j > 0 {
				prev = &bs[j-1]
			}
			var fs []string
			features(&bs[j], prev, func(f []byte) { fs = append(fs, string(f)) })
			data = append(data, example{fs, y, max(0.3, min(1, 3*math.Abs(sim-minOverlap)))})
		}
	}
	var total float64
	for _, n := range w.Prior {
		total += n
	}
	for i := range trans {
		var sum float64
		for _, n := range trans[i] {
			sum += n
		}
		for j := range trans[i] {
			w.Transitions[i][j] = round(math.Log((trans[i][j] + 1) / (sum + 5)))
		}
	}
	for i := range w.Prior {
		w.Prior[i] = round(w.Prior[i] / total)
	}
	fit(w, data)
	if err := write(w); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d visits, %d blocks, %d features kept, prior %v", len(visits), len(data), len(w.Features), w.Prior)
}

func readFile(name string) ([]review.Utterance, transcriptfile.Format, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, "", err
	}
	return transcriptfile.Parse(b)
}

type refSentence struct {
	label int
	words map[string]bool
}

var (
	reHead  = regexp.MustCompile(`^[A-Z][A-Z /&,\-()']+$`)
	reSplit = regexp.MustCompile(`[.;]\s+`)
)

func refSentences(note string) []refSentence {
	var out []refSentence
	lab := subjective
	for line := range strings.Lines(note) {
		line = strings.TrimSpace(line)
		head := strings.TrimSuffix(line, ":")
		if reHead.MatchString(strings.TrimSpace(head)) && len(head) < 50 {
			switch {
			case containsAny(head, "EXAM", "VITALS", "PHYSICAL"):
				lab = exam
			case containsAny(head, "RESULT", "FINDINGS"):
				lab = result
			case containsAny(head, "ASSESSMENT", "PLAN", "INSTRUCTION", "IMPRESSION", "PROCEDURE", "ORDERS"):
				lab = plan
			default:
				lab = subjective
			}
			continue
		}
		for _, s := range reSplit.Split(line, -1) {
			if c := contentWords(strings.Fields(strings.ToLower(s))); len(c) > 0 {
				out = append(out, refSentence{index(lab), c})
			}
		}
	}
	return out
}

func containsAny(s string, subs ...string) bool {
	return slices.ContainsFunc(subs, func(x string) bool { return strings.Contains(s, x) })
}

func contentWords(ws []string) map[string]bool {
	m := map[string]bool{}
	for _, w := range ws {
		w = strings.Trim(w, ".,:;?()•\"")
		if w == "" || isPunct(w) || stopWords[w] || stopWords[stem(w)] || chatWords[w] || len(w) == 1 && !isNumeric(w) {
			continue
		}
		if isNumeric(w) {
			m[w] = true
			continue
		}
		m[stem(w)] = true
	}
	return m
}

var chatWords = wordSet("you your yeah okay ok well just like know oh all really got get going go mean think good great yes little bit up out about how sure thing things one lot kind let see say said want make take took i'm it's that's don't me my right")

// align labels a block with the section of the reference sentence that
// shares most of its words, nowhere when none shares enough.
func align(ws []string, ref []refSentence, idf map[string]float64) (y int, sim float64) {
	c := contentWords(ws)
	weigh := func(w string) float64 {
		if v, ok := idf[w]; ok {
			return v
		}
		return 5
	}
	var total float64
	var bySection [5]float64
	said := map[int]map[string]bool{}
	for _, s := range ref {
		if said[s.label] == nil {
			said[s.label] = map[string]bool{}
		}
		maps.Copy(said[s.label], s.words)
	}
	for _, w := range slices.Sorted(maps.Keys(c)) {
		total += weigh(w)
		for l := range bySection {
			if said[l][w] {
				bySection[l] += weigh(w)
			}
		}
	}
	total = max(total, 6)
	for _, s := range ref {
		shared, n := 0.0, 0
		for w := range s.words {
			if c[w] {
				n++
			}
		}
		if n == 0 {
			continue
		}
		for _, w := range slices.Sorted(maps.Keys(s.words)) {
			if c[w] {
				shared += weigh(w)
			}
		}
		v := shared / total
		if n < 2 {
			v *= 0.6
		}
		if v += 0.15 * bySection[s.label] / total; v > sim {
			y, sim = s.label, v
		}
	}
	if sim < minOverlap {
		y = 0
	}
	return y, sim
}

// fit is stochastic gradient descent with AdaGrad steps.
func fit(w *weights, data []example) {
	count := map[string]int{}
	for _, e := range data {
		for _, f := range e.features {
			count[f]++
		}
	}
	ids := map[string]int{}
	var names []string
	for _, f := range slices.Sorted(maps.Keys(count)) {
		if count[f] >= minCount {
			ids[f] = len(names)
			names = append(names, f)
		}
	}
	W := make([][5]float64, len(names))
	G := make([][5]float64, len(names))
	rng := rand.New(rand.NewPCG(1, 1))
	order := make([]int, len(data))
	for i := range order {
		order[i] = i
	}
	for range epochs {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, k := range order {
			e := data[k]
			var s [5]float64
			var fs []int
			for _, f := range e.features {
				if id, ok := ids[f]; ok {
					fs = append(fs, id)
					for l := range s {
						s[l] += W[id][l]
					}
				}
			}
			p := softmax(s)
			p[e.y]--
			for l := range p {
				g := e.weight * p[l]
				if math.Abs(g) < 1e-4 {
					continue
				}
				for _, id := range fs {
					h := g + decay*W[id][l]
					G[id][l] += h * h
					W[id][l] -= rate * h / math.Sqrt(G[id][l]+1e-6)
				}
			}
		}
	}
	for i, name := range names {
		keep := false
		var v [5]float64
		for l := range v {
			v[l] = round(W[i][l])
			keep = keep || math.Abs(v[l]) >= minWeight
		}
		if keep {
			w.Features[name] = v
		}
	}
}

func round(v float64) float64 { return math.Round(v*100) / 100 }

func write(w *weights) error {
	raw, err := json.Marshal(w)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	if _, err := z.Write(raw); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile("weights.json.gz", b.Bytes(), 0o644)
}

// TestAlign shows that training labels follow the reference.
func TestAlign(t *testing.T) {
	t.Parallel()
	ref := refSentences("HISTORY OF PRESENT ILLNESS\n\nShe has knee pain.\n\nPHYSICAL EXAM\n\n• Lungs: Clear to auscultation.\n\nPLAN\n\nStart ibuprofen for swelling.\n")
	for words, want := range map[string]label{
		"i've got this knee pain":                subjective,
		"lungs are clear to auscultation":        exam,
		"i'll start you on ibuprofen , swelling": plan,
		"how about the weather":                  nowhere,
	} {
		y, _ := align(strings.Fields(words), ref, map[string]float64{})
		if got := labels[y]; got != want {
			t.Errorf("%q is labelled %c, want %c", words, got, want)
		}
	}
	if c := cmp.Compare(len(ref), 3); c != 0 {
		t.Errorf("%d reference sentences, want 3", len(ref))
	}
}
