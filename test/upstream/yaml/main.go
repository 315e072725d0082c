// Upstream's YAML: reads and prints what it is asked to, by the libraries themselves and by the serializer of the API server.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured/unstructuredscheme"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"sigs.k8s.io/yaml"
)

type question struct {
	// "read", "read strictly", "print", "decode", "decode strictly" or "encode".
	Do string `json:"do"`
	// YAML to be read, or JSON to be printed.
	Text []byte `json:"text"`
}

type answer struct {
	Text  []byte `json:"text"`
	Error string `json:"error"`
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			panic(err)
		}
		text, err := answerTo(asked)
		told := answer{Text: text}
		if err != nil {
			told.Error = err.Error()
		}
		if err := answers.Encode(told); err != nil {
			panic(err)
		}
	}
}

func answerTo(asked question) ([]byte, error) {
	switch asked.Do {
	case "read":
		return yaml.YAMLToJSON(asked.Text)
	case "read strictly":
		return yaml.YAMLToJSONStrict(asked.Text)
	case "print":
		return yaml.JSONToYAML(asked.Text)
	case "decode":
		return decode(asked.Text, false)
	case "decode strictly":
		return decode(asked.Text, true)
	case "encode":
		return encode(asked.Text)
	}
	panic("can't " + asked.Do)
}

func yamlSerializer(strict bool) *serializer.Serializer {
	options := serializer.SerializerOptions{Yaml: true, Strict: strict}
	typer := unstructuredscheme.NewUnstructuredObjectTyper()
	return serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, unstructuredscheme.NewUnstructuredCreator(), typer, options)
}

// decode answers the object as JSON, beside what strictness finds.
func decode(text []byte, strict bool) ([]byte, error) {
	object := &unstructured.Unstructured{}
	_, _, err := yamlSerializer(strict).Decode(text, nil, object)
	if object.Object == nil {
		return nil, err
	}
	shown, failed := json.Marshal(object.Object)
	if failed != nil {
		panic(failed)
	}
	return shown, err
}

func encode(text []byte) ([]byte, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	var printed bytes.Buffer
	err := yamlSerializer(false).Encode(object, &printed)
	return printed.Bytes(), err
}
