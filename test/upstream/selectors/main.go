// Reads selectors of labels and fields as upstream does, and answers with what it read.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

type question struct {
	Kind     string                `json:"kind"`
	Text     string                `json:"text"`
	Selector *metav1.LabelSelector `json:"selector"`
	Set      map[string]string     `json:"set"`
}

type answer struct {
	Error   string `json:"error,omitempty"`
	Text    string `json:"text"`
	Matches bool   `json:"matches"`
}

func main() {
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
	case "fields":
		selector, err := fields.ParseSelector(asked.Text)
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Text: selector.String(), Matches: selector.Matches(fields.Set(asked.Set))}
	case "object":
		selector, err := metav1.LabelSelectorAsSelector(asked.Selector)
		return labelAnswer(selector, err, asked.Set)
	default:
		selector, err := labels.Parse(asked.Text)
		return labelAnswer(selector, err, asked.Set)
	}
}

func labelAnswer(selector labels.Selector, err error, set map[string]string) answer {
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Text: selector.String(), Matches: selector.Matches(labels.Set(set))}
}
