package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/internal/staff"
)

// firstRun makes serve usable without a configuration file: one physician
// with a random password, and an example visit, beside the data. It changes
// nothing that is there already and returns the practitioners file.
func firstRun(dir string) (practitioners string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("data_dir: %w", err)
	}
	practitioners = filepath.Join(dir, "practitioners.yaml")
	if _, err := os.Stat(practitioners); !errors.Is(err, fs.ErrNotExist) {
		return practitioners, err
	}
	password := strings.ToLower(rand.Text()[:16])
	for _, f := range []struct{ name, text string }{
		{"password", password + "\n"},
		{"visit.json", strings.ReplaceAll(exampleVisit, "@NOW@", time.Now().UTC().Format(time.RFC3339))},
		// Last: its presence says that the others are there.
		{"practitioners.yaml", fmt.Sprintf(localPractitioners, staff.Hash(password))},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), 0o600); err != nil {
			return "", err
		}
	}
	return practitioners, nil
}

const localPractitioners = `# Made by the first 'countersign serve' without a configuration. The password is in the file "password" beside it.
practitioners:
  - {id: dr-local, site: local, login: local, password_hash: %q, family: Local, given: Doctor, credential: MD, roles: [attending]}
`

// exampleVisit is what a device says of a visit; the patient is made up.
const exampleVisit = `{
  "site_id": "local", "device_id": "my-device", "practitioner_id": "dr-local", "modality": "in_person",
  "patient": {
    "family": "Mock", "given": "Patient", "birth_date": "1969-03-14", "sex": "unknown",
    "identifiers": [{"type": "MR", "system": "LOCAL", "value": "100001"}]
  },
  "encounter": {"class": "AMB", "identifiers": [{"type": "VN", "system": "LOCAL", "value": "200001"}]},
  "consent": {"scope": ["recording", "ai_draft"], "given_by": "patient", "everyone_agreed": true, "method": "verbal", "at": "@NOW@"}
}
`
