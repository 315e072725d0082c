// Answers each line, {"crd": a CustomResourceDefinition, "version": a name, "v2": whether}, with the OpenAPI document that upstream publishes for it.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder"
)

type question struct {
	CRD     *apiextensionsv1.CustomResourceDefinition `json:"crd"`
	Version string                                    `json:"version"`
	V2      bool                                      `json:"v2"`
}

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		if err := answers.Encode(answer(line)); err != nil {
			panic(err)
		}
	}
}

func answer(line []byte) any {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return map[string]string{"error": err.Error()}
	}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(asked.CRD)
	var document any
	var err error
	if asked.V2 {
		document, err = builder.BuildOpenAPIV2(asked.CRD, asked.Version, builder.Options{V2: true})
	} else {
		document, err = builder.BuildOpenAPIV3(asked.CRD, asked.Version, builder.Options{V2: false})
	}
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	return document
}
