// Reads bodies of requests as upstream's typed clients and API server do, and answers with what they hold.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
)

type question struct {
	schema.GroupVersionKind
	YAML bool   `json:"yaml"`
	Body []byte `json:"body"`
}

type answer struct {
	// What a decoder that is not strict says, with the kind that it read, if it got so far.
	Error string `json:"error,omitempty"`
	Kind  string `json:"kind,omitempty"`
	// What a strict one finds beside.
	Strict []string       `json:"strict,omitempty"`
	Value  runtime.Object `json:"value,omitempty"`
}

func main() {
	if err := apiextensionsv1.AddToScheme(scheme.Scheme); err != nil {
		panic(err)
	}
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			panic(err)
		}
		if err := out.Encode(answerTo(asked)); err != nil {
			panic(err)
		}
	}
}

func answerTo(asked question) answer {
	read, gvk, err := decode(asked, false)
	said := answer{Value: read}
	if gvk != nil {
		said.Kind = gvk.Kind
	}
	if err != nil {
		said.Error, said.Value = err.Error(), nil
		return said
	}
	_, _, err = decode(asked, true)
	if strict, ok := runtime.AsStrictDecodingError(err); ok {
		for _, each := range strict.Errors() {
			said.Strict = append(said.Strict, each.Error())
		}
	} else if err != nil {
		panic(err)
	}
	return said
}

func decode(asked question, strict bool) (runtime.Object, *schema.GroupVersionKind, error) {
	into, err := scheme.Scheme.New(asked.GroupVersionKind)
	if err != nil {
		panic(err)
	}
	options := jsonserializer.SerializerOptions{Yaml: asked.YAML, Strict: strict}
	serializer := jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, options)
	return serializer.Decode(asked.Body, &asked.GroupVersionKind, into)
}
