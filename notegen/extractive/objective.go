package extractive

import (
	"slices"
	"strings"

	"countersign/notegen/spoken"
	"countersign/notegen/templates"
)

// examination groups findings by system in the order they were examined.
// Measurements are vital signs.
func (n *note) examination(items []item) {
	bySystem := make([][]item, len(n.d.systems))
	var order []int
	for _, it := range items {
		b := &n.bs[it.order]
		ws := strings.Fields(strings.ToLower(strings.NewReplacer(".", " ", ",", " ").Replace(it.text)))
		if b.cues&cueVitals != 0 && (anyNumber(ws) || has(ws, "vitals") || has(ws, "vital")) && !has(ws, "murmur") {
			n.add(templates.VitalSigns, it)
			continue
		}
		s := n.d.systemOf(ws)
		if b.cues&cueVitals != 0 && s == len(n.d.systems)-1 {
			n.add(templates.VitalSigns, it)
			continue
		}
		it.heading = n.d.systems[s].name
		if len(bySystem[s]) == 0 {
			order = append(order, s)
		}
		bySystem[s] = append(bySystem[s], it)
	}
	slices.Sort(order)
	for _, s := range order {
		for _, it := range bySystem[s] {
			n.add(templates.Exam, it)
		}
	}
}

// nameTest puts the test's name before a finding that does not name it, and
// cites the sentence that does.
func (n *note) nameTest(it item) item {
	ws := strings.Fields(strings.ToLower(it.text))
	if n.d.testNames.in(ws) {
		return it
	}
	for j := it.order - 1; j >= max(0, it.order-3); j-- {
		ws := n.bs[j].words
		i, k := n.d.testNames.find(ws)
		if i < 0 || ws[i] == "results" || ws[i] == "result" || ws[i] == "test" || ws[i] == "tests" || ws[i] == "scan" {
			continue
		}
		for i > 0 && (len(ofKind(n.d.lex.find(ws[i-1:i]), "anat")) > 0 || ws[i-1] == "left" || ws[i-1] == "right" || ws[i-1] == "lipid" || ws[i-1] == "metabolic") {
			i, k = i-1, k+1
		}
		it.text = capital(line(spoken.Digits(slices.Clone(ws[i:i+k])))) + ": " + lowerFirst(it.text)
		it.units = append(slices.Clone(it.units), n.bs[j].units...)
		return it
	}
	return it
}
