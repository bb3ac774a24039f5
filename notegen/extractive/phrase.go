package extractive

import "strings"

// phrases is a set of word patterns. In a pattern "_" is any one word, and a
// word that ends in "*" matches every word that begins so. Punctuation is
// words of its own.
type phrases struct {
	exact  map[string][]pattern // by first word
	prefix map[string][]pattern // by the first three letters of a first word with "*"
	begins [256]bool            // first bytes of first words: most words fail here
}

type pattern struct {
	words []string
	value string
}

// newPhrases reads patterns, separated by "|"; "a => b" gives pattern a the
// value b.
func newPhrases(lists ...string) *phrases {
	p := &phrases{exact: map[string][]pattern{}, prefix: map[string][]pattern{}}
	for _, l := range lists {
		for item := range strings.SplitSeq(l, "|") {
			left, value, _ := strings.Cut(item, "=>")
			ws := strings.Fields(left)
			if len(ws) == 0 {
				continue
			}
			p.add(pattern{ws, strings.TrimSpace(value)})
		}
	}
	return p
}

func (p *phrases) add(pt pattern) {
	first := pt.words[0]
	p.begins[first[0]] = true
	m, key := p.exact, first
	if strings.HasSuffix(first, "*") {
		m, key = p.prefix, first[:min(3, len(first)-1)]
	}
	// Longest first, so that the longest match wins.
	l := m[key]
	i := len(l)
	for i > 0 && len(l[i-1].words) < len(pt.words) {
		i--
	}
	l = append(l, pattern{})
	copy(l[i+1:], l[i:])
	l[i] = pt
	m[key] = l
}

// at returns the longest pattern that matches at ws[i]; n is 0 for none.
func (p *phrases) at(ws []string, i int) (value string, n int) {
	w := ws[i]
	if w == "" || !p.begins[w[0]] {
		return "", 0
	}
	for _, pt := range p.exact[w] {
		if matches(pt.words, ws[i:]) {
			return pt.value, len(pt.words)
		}
	}
	if len(w) >= 2 && len(p.prefix) > 0 {
		for _, pt := range p.prefix[w[:min(3, len(w))]] {
			if matches(pt.words, ws[i:]) {
				return pt.value, len(pt.words)
			}
		}
	}
	return "", 0
}

// in reports whether any pattern occurs in ws.
func (p *phrases) in(ws []string) bool {
	for i := range ws {
		if _, n := p.at(ws, i); n > 0 {
			return true
		}
	}
	return false
}

// find returns where the first match begins, -1 for none, and its length.
func (p *phrases) find(ws []string) (i, n int) {
	for i := range ws {
		if _, n := p.at(ws, i); n > 0 {
			return i, n
		}
	}
	return -1, 0
}

// replace returns ws with each match replaced by the words of its value.
func (p *phrases) replace(ws []string) []string {
	out := make([]string, 0, len(ws)+4)
	for i := 0; i < len(ws); {
		v, n := p.at(ws, i)
		if n == 0 {
			out = append(out, ws[i])
			i++
			continue
		}
		if v != "" {
			out = append(out, strings.Fields(v)...)
		}
		i += n
	}
	return out
}

// stripHead drops matches from the beginning, commas between them too.
func (p *phrases) stripHead(ws []string) []string {
	for len(ws) > 0 {
		if isPunct(ws[0]) {
			ws = ws[1:]
			continue
		}
		_, n := p.at(ws, 0)
		if n == 0 {
			break
		}
		ws = ws[n:]
	}
	return ws
}

// stripTail drops words and punctuation of the set from the end.
func (p *phrases) stripTail(ws []string) []string {
again:
	for len(ws) > 0 {
		if isPunct(ws[len(ws)-1]) {
			ws = ws[:len(ws)-1]
			continue
		}
		for n := min(5, len(ws)); n > 0; n-- {
			if _, m := p.at(ws, len(ws)-n); m == n {
				ws = ws[:len(ws)-n]
				continue again
			}
		}
		break
	}
	return ws
}

func matches(pat, ws []string) bool {
	if len(ws) < len(pat) {
		return false
	}
	for i, p := range pat {
		switch {
		case p == "_":
		case p[len(p)-1] == '*':
			if !strings.HasPrefix(ws[i], p[:len(p)-1]) {
				return false
			}
		case p != ws[i]:
			return false
		}
	}
	return true
}

func isPunct(w string) bool {
	switch w {
	case ",", ".", "?", "!", ";", ":", "-", "\"", "(", ")", "…", "—", "–":
		return true
	}
	return false
}

func wordSet(s string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		m[w] = true
	}
	return m
}

func has(ws []string, w string) bool {
	for _, x := range ws {
		if x == w {
			return true
		}
	}
	return false
}

func hasAny(ws []string, set map[string]bool) bool {
	for _, x := range ws {
		if set[x] {
			return true
		}
	}
	return false
}
