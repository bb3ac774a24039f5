// Package ehrsim is the simulator EHR that Countersign is tested and demonstrated against.
//
// It has three doors. /fhir/r4 is a plain FHIR R4 server with conditional create; /epic/api/FHIR/R4 follows the rules that Epic documents
// for clinical notes; a TCP port takes HL7 v2 MDM messages over MLLP. Whatever is filed through a door is kept as a [ReceivedDocument]:
// the bytes as they came, the text as a receiver understood it, and its SHA-256.
//
// It is an independent witness. It shares no parsing, framing or building code with the gateway (see package mdm for the HL7 readers;
// FHIR resources are checked by google/fhir), so an error on the sending side cannot cancel out here. It refuses what a strict EHR refuses
// and reproduces the habits that cost money in production: replies that get lost after filing, replays that make second notes, read
// formats that differ from the written one.
//
// # Patients
//
// The simulator knows the patients and encounters that [Simulator.Seed] gave it, and a write for anyone else is refused, unless
// [Options].AutoRegister is set.
//
// # Faults
//
// A [Fault] makes a door refuse, be busy, lose the connection before or after filing, file late, or stay silent, for a number of writes or until it is
// taken back. Faults are given at construction, on the command line, through [Simulator.SetFault] or through POST /admin/faults.
//
// # Safety
//
// All listeners are bound to loopback addresses; any other address is an error. The page at / and the admin API show patient names, which
// is what an EHR does; nothing of a document is ever logged.
package ehrsim
