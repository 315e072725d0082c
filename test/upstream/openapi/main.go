// Publishes OpenAPI documents as upstream's API servers do: of a custom kind by itself, of built-in kinds through the installer of REST handlers, and any in protobuf.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder"
	"k8s.io/kube-openapi/pkg/handler"
	"k8s.io/kube-openapi/pkg/handler3"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

type question struct {
	// "custom", "encode", "install", "merge", "serve"
	Kind string `json:"kind"`
	V2   bool   `json:"v2"`

	Definition *apiextensions.CustomResourceDefinition `json:"definition"`
	Version    string                                  `json:"version"`

	Document json.RawMessage `json:"document"`

	Groups      []group                `json:"groups"`
	Definitions map[string]spec.Schema `json:"definitions"`

	First *spec.Swagger `json:"first"`
	Other *spec.Swagger `json:"other"`

	Method  string            `json:"method"`
	Target  string            `json:"target"`
	Headers map[string]string `json:"headers"`
}

type answer struct {
	Error    string            `json:"error,omitempty"`
	Document any               `json:"document,omitempty"`
	Parts    map[string]any    `json:"parts,omitempty"`
	Protobuf []byte            `json:"protobuf,omitempty"`
	Status   int               `json:"status,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"`
	Body     string            `json:"body,omitempty"`
}

func main() {
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	in.Buffer(nil, 256<<20)
	out.SetEscapeHTML(false)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			panic(err)
		}
		answered, err := answerTo(&asked)
		if err != nil {
			answered = answer{Error: err.Error()}
		}
		if err := out.Encode(answered); err != nil {
			panic(err)
		}
	}
}

func answerTo(asked *question) (answer, error) {
	switch asked.Kind {
	case "custom":
		return custom(asked)
	case "encode":
		return encode(asked)
	case "merge":
		return merge(asked.First, asked.Other)
	case "serve":
		return serve(asked), nil
	default:
		return install(asked)
	}
}

func custom(asked *question) (answer, error) {
	apiextensions.SetDefaults_CustomResourceDefinition(asked.Definition)
	options := builder.Options{V2: asked.V2, IncludeSelectableFields: true}
	if !asked.V2 {
		document, err := builder.BuildOpenAPIV3(asked.Definition, asked.Version, options)
		return answer{Document: document}, err
	}
	document, err := builder.BuildOpenAPIV2(asked.Definition, asked.Version, options)
	if err != nil {
		return answer{}, err
	}
	document.Definitions = handler.PruneDefaults(document.Definitions)
	return answer{Document: document}, nil
}

// encode writes a document in protobuf.
func encode(asked *question) (answer, error) {
	toProtobuf := handler.ToProtoBinary
	if !asked.V2 {
		toProtobuf = handler3.ToV3ProtoBinary
	}
	encoded, err := toProtobuf(asked.Document)
	return answer{Protobuf: encoded}, err
}
