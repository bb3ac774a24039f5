package mdm

import "slices"

// noteInOrder stands in the table below for an NTE that belongs to an OBR; elsewhere NTE belongs to an OBX.
const noteInOrder = "NTE of OBR"

// next lists what may follow a segment in MDM_T01 and MDM_T02 of 2.5 to 2.6 (UAC and CON: 2.7 and later):
//
//	MSH [{SFT}] [UAC] EVN PID PV1 [{ ORC [{TQ1 [{TQ2}]}] OBR [{NTE}] }] TXA [{CON}] { OBX [{NTE}] }
func next(after string) []string {
	switch after {
	case "":
		return []string{"MSH"}
	case "MSH", "SFT":
		return []string{"SFT", "UAC", "EVN"}
	case "UAC":
		return []string{"EVN"}
	case "EVN":
		return []string{"PID"}
	case "PID":
		return []string{"PV1"}
	case "PV1":
		return []string{"ORC", "TXA"}
	case "ORC":
		return []string{"TQ1", "OBR"}
	case "TQ1", "TQ2":
		return []string{"TQ1", "TQ2", "OBR"}
	case "OBR", noteInOrder:
		return []string{"NTE", "ORC", "TXA"}
	case "TXA", "CON":
		return []string{"CON", "OBX"}
	case "OBX", "NTE":
		return []string{"OBX", "NTE"}
	}
	return nil
}

// checkStructure refuses the first segment that is unknown or out of place, and a message that ends too early.
func checkStructure(segments []rawSegment, structure string) *Problem {
	prev := ""
	for _, s := range segments {
		if !slices.Contains(next(prev), s.id) || (structure == "MDM_T01" && s.id == "OBX") {
			p := at(s, 0, CodeSegmentSequence, "segment is unknown or not allowed at this place of "+structure)
			if !plainID(s.id) { // half a line of text is not a segment name and may be about the patient
				p.Segment, p.Pos = "", 0
				p.Text = "a line does not begin with a segment name: is there a carriage return inside a field?"
			}
			return p
		}
		if s.id == "NTE" && (prev == "OBR" || prev == noteInOrder) {
			prev = noteInOrder
			continue
		}
		prev = s.id
	}
	last := []string{"OBX", "NTE"}
	if structure == "MDM_T01" {
		last = []string{"TXA", "CON"}
	}
	if !slices.Contains(last, prev) {
		missing := next(prev)
		return &Problem{Ack: ApplicationError, Code: CodeSegmentSequence, Segment: missing[len(missing)-1], Pos: 1,
			Text: "required segment is missing"}
	}
	return nil
}

func plainID(id string) bool {
	if len(id) != 3 {
		return false
	}
	for _, c := range id {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
