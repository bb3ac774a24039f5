//go:build !unix

package sqlstore

import "errors"

func lockFile(string) (unlock func() error, err error) {
	return nil, errors.New("an exclusive journal needs file locks, which this system does not have: use PostgreSQL")
}
