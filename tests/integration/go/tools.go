//go:build tools

// Programs of others that the tests run, named here so that go.mod keeps their versions.
package peers

import (
	_ "github.com/summerwind/h2spec/cmd/h2spec"
	_ "github.com/summerwind/h2spec/cmd/h2specd"
)
