package hl7v2

// MDMText returns the text blocks of a document message: OBX-5 of every OBX of type TX, FT or ST, in the order of the
// message, line ends as "\n". For a message of [MDM.Encode] these are the Values of its Observations, byte for byte
// where their line ends are "\n". A writer uses it on its own outgoing bytes to prove what leaves.
func MDMText(m Message) []string {
	var blocks []string
	for _, s := range m.Segments {
		if s.Name != "OBX" {
			continue
		}
		switch s.Get(2) {
		case "TX", "FT", "ST":
			blocks = append(blocks, s.DecodeText(5))
		}
	}
	return blocks
}

// DecodeText returns field n as a block of text; see the function [DecodeText].
func (s Segment) DecodeText(n int) string {
	return DecodeText(s.Raw(n), s.delims())
}
