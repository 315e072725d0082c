// Negotiates media types as upstream's handlers do.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/endpoints/handlers"
	"k8s.io/apiserver/pkg/endpoints/handlers/negotiation"
	"k8s.io/apiserver/pkg/registry/rest"
)

// Question is a request's headers, and what is asked for.
type Question struct {
	Accept      string `json:"accept"`
	ContentType string `json:"contentType"`
	Streaming   bool   `json:"streaming"`
	Protobuf    bool   `json:"protobuf"`
	Transforms  bool   `json:"transforms"`
}

// Answer is the form, or why there is none; and the type of the body, or why it is none.
type Answer struct {
	Form  string `json:"form"`
	Input string `json:"input"`
}

func main() {
	types := runtime.NewScheme()
	if err := apiextensionsv1.AddToScheme(types); err != nil {
		panic(err)
	}
	codecs := serializer.NewCodecFactory(types)
	scope := handlers.RequestScope{
		MetaGroupVersion: metav1.SchemeGroupVersion,
		TableConvertor:   rest.NewDefaultTableConvertor(apiextensionsv1.Resource("customresourcedefinitions")),
	}
	custom := scope
	for _, info := range codecs.SupportedMediaTypes() {
		if info.MediaType != runtime.ContentTypeProtobuf {
			custom.StandardSerializers = append(custom.StandardSerializers, info)
		}
	}
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
		var restrictions negotiation.EndpointRestrictions = &scope
		if !question.Protobuf {
			restrictions = &custom
		}
		if !question.Transforms {
			restrictions = negotiation.DefaultEndpointRestrictions
		}
		answer := Answer{Form: form(question, codecs, restrictions), Input: input(question, codecs)}
		if err := answers.Encode(answer); err != nil {
			panic(err)
		}
	}
}

func form(question Question, codecs serializer.CodecFactory, restrictions negotiation.EndpointRestrictions) string {
	request := &http.Request{Header: http.Header{"Accept": {question.Accept}}}
	options, _, err := negotiation.NegotiateOutputMediaType(request, codecs, restrictions)
	if err != nil {
		return err.Error()
	}
	if question.Streaming {
		if _, err := negotiation.NegotiateOutputMediaTypeStream(request, codecs, restrictions); err != nil {
			return err.Error()
		}
	}
	as, version := "Object", "v1"
	if options.Convert != nil {
		as, version = options.Convert.Kind, options.Convert.Version
	}
	pretty := options.Pretty && options.Accepted.PrettySerializer != nil
	return fmt.Sprintf("%s %s %s %t", as, version, options.Accepted.MediaType, pretty)
}

func input(question Question, codecs serializer.CodecFactory) string {
	info, err := negotiation.NegotiateInputSerializerForMediaType(question.ContentType, false, codecs)
	if err != nil {
		return err.Error()
	}
	return info.MediaType
}
