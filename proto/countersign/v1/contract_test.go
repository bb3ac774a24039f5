package countersignpb_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	countersignpb "countersign/proto/countersign/v1"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
)

// inURL lists the fields that may stand in a path or a query: ids, states and paging. URLs are logged by every proxy on the way, so a
// name, a birth date or a record number must never get there.
var inURL = map[protoreflect.Name]bool{
	"note_id": true, "writeback_id": true, "site_id": true, "practitioner_id": true, "encounter_id": true, "recording_id": true,
	"family_id": true, "states": true, "revision": true, "page_size": true, "page_token": true,
}

// inPath finds the parameters of a path template such as /v1/notes/{note_id}:sign.
var inPath = regexp.MustCompile(`\{([a-z_.]+)`)

func TestURLsCarryOnlyIDsAndStates(t *testing.T) {
	t.Parallel()
	calls := 0
	each(t, func(m protoreflect.MethodDescriptor, rule *annotations.HttpRule) {
		if rule == nil {
			return
		}
		calls++
		path := rule.GetGet() + rule.GetPost()
		if path == "" || rule.GetPut()+rule.GetDelete()+rule.GetPatch() != "" || len(rule.GetAdditionalBindings()) > 0 {
			t.Errorf("%s: bind it once, with get or post", m.FullName())
		}
		if !strings.HasPrefix(path, "/v1/") {
			t.Errorf("%s: %s is not under /v1/", m.FullName(), path)
		}
		for _, p := range inPath.FindAllStringSubmatch(path, -1) {
			if !inURL[protoreflect.Name(p[1])] {
				t.Errorf("%s: %s must not stand in a path", m.FullName(), p[1])
			}
		}
		if rule.GetPost() != "" {
			if rule.GetBody() != "*" {
				t.Errorf("%s: body is %q: what is not in the body becomes a query parameter", m.FullName(), rule.GetBody())
			}
			return
		}
		for i := range m.Input().Fields().Len() {
			if f := m.Input().Fields().Get(i); !inURL[f.Name()] || f.Message() != nil {
				t.Errorf("%s: %s must not be a query parameter: make it a post", m.FullName(), f.Name())
			}
		}
	})
	if calls != 19 {
		t.Errorf("%d calls have a URL, want 19: add the new one here", calls)
	}
}

func TestIngestHasNoURL(t *testing.T) {
	t.Parallel()
	each(t, func(m protoreflect.MethodDescriptor, rule *annotations.HttpRule) {
		if m.Parent().Name() == "TranscriptIngest" && rule != nil {
			t.Errorf("%s has a URL: the stream is gRPC only", m.FullName())
		}
	})
}

// Everything that changes text or signs names what the person has seen.
func TestChangesNameWhatWasSeen(t *testing.T) {
	t.Parallel()
	for _, m := range []proto.Message{
		(*countersignpb.EditNoteRequest)(nil), (*countersignpb.ConfirmFlagRequest)(nil),
		(*countersignpb.SignNoteRequest)(nil), (*countersignpb.CoSignNoteRequest)(nil),
	} {
		fields := m.ProtoReflect().Descriptor().Fields()
		for _, name := range []protoreflect.Name{"note_id", "expected_revision", "expected_content_sha256"} {
			if fields.ByName(name) == nil {
				t.Errorf("%T has no %s", m, name)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	want := &countersignpb.Evidence{StreamId: "s", Sequence: 7, SpanStart: 2, SpanEnd: 9}

	t.Run("NamesAsInProto", func(t *testing.T) {
		t.Parallel()
		b, err := countersignpb.JSON().Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		// Numbers, not strings; empty fields written.
		plain := map[string]any{"stream_id": "s", "sequence": 7., "revision": 0., "span_start": 2., "span_end": 9.}
		if d := cmp.Diff(plain, got); d != "" {
			t.Errorf("JSON differs (-want +got):\n%s", d)
		}
		back := &countersignpb.Evidence{}
		if err := countersignpb.JSON().Unmarshal(b, back); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, back, protocmp.Transform()); d != "" {
			t.Errorf("read back differs (-want +got):\n%s", d)
		}
	})
	t.Run("UnknownFieldRefused", func(t *testing.T) {
		t.Parallel()
		err := countersignpb.JSON().Unmarshal([]byte(`{"note_id":"n","expected_revison":3}`), &countersignpb.SignNoteRequest{})
		if err == nil {
			t.Error("a misspelt field was taken")
		}
	})
}

// The OpenAPI file and the gateway must spell names alike.
func TestOpenAPISpellsNamesAsJSONDoes(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("countersign.swagger.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths       map[string]any
		Definitions map[string]struct{ Properties map[string]any }
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Paths) != 19 {
		t.Errorf("%d paths, want 19", len(doc.Paths))
	}
	fields := (&countersignpb.Note{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if _, ok := doc.Definitions["v1Note"].Properties[string(fields.Get(i).Name())]; !ok {
			t.Errorf("v1Note has no property %s", fields.Get(i).Name())
		}
	}
}

// each calls f for every method of the package with its HTTP rule, nil for none.
func each(t *testing.T, f func(protoreflect.MethodDescriptor, *annotations.HttpRule)) {
	t.Helper()
	seen := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("countersign.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				seen++
				rule, _ := proto.GetExtension(methods.Get(j).Options(), annotations.E_Http).(*annotations.HttpRule)
				f(methods.Get(j), rule)
			}
		}
		return true
	})
	if seen == 0 {
		t.Fatal("no methods found")
	}
}
