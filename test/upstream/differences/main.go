// Says in what two documents differ, as upstream's errors do.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	"k8s.io/apimachinery/pkg/util/diff"
)

type question struct {
	From any `json:"from"`
	To   any `json:"to"`
}

func main() {
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			panic(err)
		}
		if err := out.Encode(diff.Diff(asked.From, asked.To)); err != nil {
			panic(err)
		}
	}
}
