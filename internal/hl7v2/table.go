package hl7v2

import "strings"

// table is an HL7 value table. The functions below return the values of v2.5.1 that a sender of MDM needs.
type table struct {
	id     string
	values string // parted by blanks
}

func (t table) has(code string) bool {
	for v := range strings.FieldsSeq(t.values) {
		if v == code {
			return true
		}
	}
	return false
}

func sexTable() table { return table{"0001", "A F M N O U"} }

func resultStatusTable() table {
	return table{"0085", "C D F I N O P R S U W X"}
}

func processingTable() table { return table{"0103", "D P T"} }

func versionTable() table { return table{"0104", "2.3.1 2.4 2.5 2.5.1 2.6"} }

// presentationTable holds the values of v2.3.1 and later and those of v2.2 that receivers still want.
func presentationTable() table {
	return table{"0191", "AP AU FT IM multipart NS SD SI TEXT TX"}
}

func completionTable() table {
	return table{"0271", "AU DI DO IN IP LA PA"}
}

func confidentialityTable() table { return table{"0272", "R U V"} }

func availabilityTable() table { return table{"0273", "AV CA OB UN"} }

func storageTable() table { return table{"0275", "AA AC AR PU"} }

func triggerTable() table {
	return table{"0003", "T02 T04 T06 T08 T10 T11"}
}
