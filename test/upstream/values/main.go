// Reads, prints, compares and adds quantities, times and durations as upstream does.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

type question struct {
	Kind  string `json:"kind"`
	Text  string `json:"text"`
	Other string `json:"other"`
	Total int    `json:"total"`
}

type answer struct {
	Error   string `json:"error,omitempty"`
	Text    string `json:"text,omitempty"`
	Compare int    `json:"compare"`
	Sum     string `json:"sum,omitempty"`
	Rest    string `json:"rest,omitempty"`
	// Numbers as text: they may be past what JSON's readers hold.
	Value json.Number `json:"value,omitempty"`
	Milli json.Number `json:"milli,omitempty"`
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
	case "quantity":
		return quantityAnswer(asked)
	case "time":
		var read metav1.Time
		return textAnswer(read.UnmarshalJSON(quoted(asked.Text)), &read)
	case "microtime":
		var read metav1.MicroTime
		return textAnswer(read.UnmarshalJSON(quoted(asked.Text)), &read)
	case "duration":
		read, err := time.ParseDuration(asked.Text)
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Text: read.String()}
	case "percent":
		value := intstr.Parse(asked.Text)
		scaled, err := intstr.GetScaledValueFromIntOrPercent(&value, asked.Total, asked.Other == "up")
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Compare: scaled}
	}
	panic(asked.Kind)
}

func quoted(text string) []byte {
	written, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return written
}

func textAnswer(err error, read json.Marshaler) answer {
	if err != nil {
		return answer{Error: err.Error()}
	}
	written, err := read.MarshalJSON()
	if err != nil {
		panic(err)
	}
	return answer{Text: string(written)}
}

func quantityAnswer(asked question) answer {
	read, err := resource.ParseQuantity(asked.Text)
	if err != nil {
		return answer{Error: err.Error()}
	}
	other, err := resource.ParseQuantity(asked.Other)
	if err != nil {
		panic(err)
	}
	sum, rest := read.DeepCopy(), read.DeepCopy()
	sum.Add(other)
	rest.Sub(other)
	number := func(of int64) json.Number {
		written, _ := json.Marshal(of)
		return json.Number(written)
	}
	return answer{
		Text:    read.String(),
		Compare: read.Cmp(other),
		Sum:     sum.String(),
		Rest:    rest.String(),
		Value:   number(read.Value()),
		Milli:   number(read.MilliValue()),
	}
}
