// Applies patches as upstream's API server does.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	jsonpatch "github.com/evanphx/json-patch/v5"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
)

type question struct {
	Kind   string          `json:"kind"`
	Object json.RawMessage `json:"object"`
	Patch  json.RawMessage `json:"patch"`
}

type answer struct {
	// Of a patch that is none, and of one that does not fit.
	Unreadable string          `json:"unreadable,omitempty"`
	Error      string          `json:"error,omitempty"`
	Value      json.RawMessage `json:"value,omitempty"`
}

func main() {
	// As the generic API server sets it.
	jsonpatch.AccumulatedCopySizeLimit = 3 * 1024 * 1024
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
	switch asked.Kind {
	case "json":
		return jsonPatch(asked)
	case "merge":
		return answered(jsonpatch.MergePatch(asked.Object, asked.Patch))
	}
	return strategic(asked)
}

func jsonPatch(asked question) (said answer) {
	patch, err := jsonpatch.DecodePatch(asked.Patch)
	if err != nil {
		return answer{Unreadable: err.Error()}
	}
	defer func() {
		if reason := recover(); reason != nil {
			said = answer{Error: "panic"}
		}
	}()
	return answered(patch.Apply(asked.Object))
}

func strategic(asked question) answer {
	reference, err := scheme.Scheme.New(schema.GroupVersionKind{Version: "v1", Kind: asked.Kind})
	if err != nil {
		reference = &corev1.Pod{}
	}
	var object, patch map[string]any
	if err := json.Unmarshal(asked.Object, &object); err != nil {
		panic(err)
	}
	if err := json.Unmarshal(asked.Patch, &patch); err != nil {
		panic(err)
	}
	merged, err := strategicpatch.StrategicMergeMapPatch(object, patch, reference)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answered(json.Marshal(merged))
}

func answered(value []byte, err error) answer {
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Value: value}
}
