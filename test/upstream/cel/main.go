// Compiles, prices and evaluates expressions as upstream does, and answers with all that it found.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// question is one case; what it asks for stands in one of its parts.
type question struct {
	Expression *expressionCase `json:"expression,omitempty"`
	Rules      *rulesCase      `json:"rules,omitempty"`
}

func main() {
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		if err := out.Encode(answerTo(in.Bytes())); err != nil {
			panic(err)
		}
	}
}

func answerTo(line []byte) (answer any) {
	defer func() {
		if failed := recover(); failed != nil {
			answer = map[string]string{"panic": fmt.Sprint(failed)}
		}
	}()
	var asked question
	decoder := json.NewDecoder(bytes.NewReader(line))
	if err := decoder.Decode(&asked); err != nil {
		return map[string]string{"panic": err.Error()}
	}
	switch {
	case asked.Expression != nil:
		return asked.Expression.answer()
	case asked.Rules != nil:
		return asked.Rules.answer()
	}
	return map[string]string{"panic": "nothing asked"}
}
