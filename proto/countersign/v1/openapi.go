package countersignpb

import _ "embed"

// OpenAPI is the OpenAPI 2 description of the JSON services, as generated
// from the .proto files. Nobody changes it.
//
//go:embed countersign.swagger.json
var OpenAPI string
