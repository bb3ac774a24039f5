// Package eval measures drafter and check on conversations that are not in
// this repository. Its tests are skipped without a folder:
//
//	go test ./notegen/eval -v -data DIR
//
// DIR holds aci/{train,valid}/ID.txt, primock57/*.jsonl, grounding/dev.jsonl
// and grounding/dev_clean.jsonl.
package eval
