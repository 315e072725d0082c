// Encrypts and decrypts values as upstream's API server does of an EncryptionConfiguration.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/klog/v2"
)

// Question is a value of a Secret at a path, to be sealed or opened by the configuration in a file.
type Question struct {
	File string `json:"file"`
	Path string `json:"path"`
	Seal []byte `json:"seal,omitempty"`
	Open []byte `json:"open,omitempty"`
}

// Answer is the other form, or why there is none.
type Answer struct {
	Bytes []byte `json:"bytes"`
	Stale bool   `json:"stale,omitempty"`
	Error string `json:"error,omitempty"`
}

var loaded = map[string]value.Transformer{}

func transformer(file string) (value.Transformer, error) {
	if known, ok := loaded[file]; ok {
		return known, nil
	}
	config, err := encryptionconfig.LoadEncryptionConfig(context.Background(), file, false, "peer")
	if err != nil {
		return nil, err
	}
	transformers := encryptionconfig.StaticTransformers(config.Transformers)
	loaded[file] = transformers.TransformerForResource(schema.GroupResource{Resource: "secrets"})
	return loaded[file], nil
}

func answer(question Question) (result Answer) {
	defer func() {
		if panicked := recover(); panicked != nil {
			result = Answer{Error: "panic"}
		}
	}()
	found, err := transformer(question.File)
	if err != nil {
		return Answer{Error: err.Error()}
	}
	ctx, data := context.Background(), value.DefaultContext(question.Path)
	if question.Open == nil {
		sealed, err := found.TransformToStorage(ctx, question.Seal, data)
		return answered(sealed, false, err)
	}
	opened, stale, err := found.TransformFromStorage(ctx, question.Open, data)
	return answered(opened, stale, err)
}

func answered(bytes []byte, stale bool, err error) Answer {
	if err != nil {
		return Answer{Error: err.Error()}
	}
	return Answer{Bytes: bytes, Stale: stale}
}

func main() {
	klog.SetLogger(klog.Logger{})
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
