// Reads and writes objects with upstream's typed structs and serializers: JSON becomes protobuf and protobuf becomes JSON.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1beta1 "k8s.io/apimachinery/pkg/apis/meta/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

// Question is an object in one of the two forms, or bytes that claim to be one.
type Question struct {
	JSON     *string `json:"json,omitempty"`
	Protobuf []byte  `json:"protobuf,omitempty"`
	// What the request is for; protobuf is then read as a handler would.
	Kind *schema.GroupVersionKind `json:"kind,omitempty"`
	// Frame asks for the object as a frame of a watch.
	Frame string `json:"frame,omitempty"`
}

// Answer has the object in both forms, or the decoder's refusal.
type Answer struct {
	JSON     string `json:"json,omitempty"`
	Protobuf []byte `json:"protobuf,omitempty"`
	Frame    []byte `json:"frame,omitempty"`
	Type     string `json:"type,omitempty"`
	Error    string `json:"error,omitempty"`
}

var (
	types   = newScheme()
	asJSON  = jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, types, types, jsonserializer.SerializerOptions{})
	asProto = protobuf.NewSerializer(types, types)
	raw     = protobuf.NewRawSerializer(types, types)
)

func newScheme() *runtime.Scheme {
	all := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, apiextensionsv1.AddToScheme, metav1.AddMetaToScheme, metav1beta1.AddMetaToScheme} {
		if err := add(all); err != nil {
			panic(err)
		}
	}
	metav1.AddToGroupVersion(all, schema.GroupVersion{Version: "v1"})
	return all
}

func decode(question Question) (runtime.Object, *schema.GroupVersionKind, error) {
	if question.JSON != nil {
		return asJSON.Decode([]byte(*question.JSON), question.Kind, nil)
	}
	return asProto.Decode(question.Protobuf, question.Kind, nil)
}

func answer(question Question) (result Answer) {
	defer func() {
		if panicked := recover(); panicked != nil {
			result = Answer{Error: fmt.Sprintf("panic: %v", panicked)}
		}
	}()
	object, kind, err := decode(question)
	if err != nil {
		if question.Kind != nil && kind != nil && kind.Kind != "" {
			return Answer{Error: fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", kind.Kind, kind.Version, question.Kind.Kind, err)}
		}
		return Answer{Error: err.Error()}
	}
	object.GetObjectKind().SetGroupVersionKind(*kind)
	result.Type = kind.String()
	var text, bytes_ bytes.Buffer
	if err := asJSON.Encode(object, &text); err != nil {
		return Answer{Error: err.Error()}
	}
	result.JSON = text.String()
	if err := asProto.Encode(object, &bytes_); err != nil {
		if protobuf.IsNotMarshalable(err) {
			return result
		}
		return Answer{Error: err.Error()}
	}
	result.Protobuf = bytes_.Bytes()
	if question.Frame != "" {
		result.Frame = frame(question.Frame, bytes_.Bytes())
	}
	return result
}

func frame(kind string, object []byte) []byte {
	var event, framed bytes.Buffer
	if err := raw.Encode(&metav1.WatchEvent{Type: kind, Object: runtime.RawExtension{Raw: object}}, &event); err != nil {
		panic(err)
	}
	if _, err := protobuf.LengthDelimitedFramer.NewFrameWriter(&framed).Write(event.Bytes()); err != nil {
		panic(err)
	}
	return framed.Bytes()
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var question Question
		if err := json.Unmarshal(line, &question); err != nil {
			panic(err)
		}
		if err := answers.Encode(answer(question)); err != nil {
			panic(err)
		}
	}
}
