package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	schemacel "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"k8s.io/apiserver/pkg/cel/environment"
)

// rulesCase is an object, and what it was, against the rules of a schema.
type rulesCase struct {
	Schema    json.RawMessage `json:"schema"`
	Object    json.RawMessage `json:"object"`
	OldObject json.RawMessage `json:"oldObject,omitempty"`
	Ratchets  bool            `json:"ratchets"`
}

type rulesAnswer struct {
	Compiled []compiledRule `json:"compiled"`
	Errors   []string       `json:"errors"`
	// Spent is what was taken of the budget.
	Spent string `json:"spent"`
}

type compiledRule struct {
	Error          string `json:"error,omitempty"`
	UsesOldSelf    bool   `json:"usesOldSelf"`
	MaxCost        string `json:"maxCost"`
	MaxCardinality string `json:"maxCardinality"`
	MessageError   string `json:"messageError,omitempty"`
	MessageMaxCost string `json:"messageMaxCost"`
}

func (asked *rulesCase) answer() any {
	structural, err := structuralOf(asked.Schema)
	if err != nil {
		return map[string]string{"panic": err.Error()}
	}
	answer := rulesAnswer{Compiled: compiledRules(structural), Errors: []string{}}
	var object, old any
	if err := utiljson.Unmarshal(asked.Object, &object); err != nil {
		return map[string]string{"panic": err.Error()}
	}
	if asked.OldObject != nil {
		if err := utiljson.Unmarshal(asked.OldObject, &old); err != nil {
			return map[string]string{"panic": err.Error()}
		}
	}
	validator := schemacel.NewValidator(structural, true, celconfig.PerCallLimit)
	var options []schemacel.Option
	if asked.Ratchets && old != nil {
		options = append(options, schemacel.WithRatcheting(common.NewCorrelatedObject(object, old, &model.Structural{Structural: structural})))
	}
	var found field.ErrorList
	found, left := validator.Validate(context.Background(), nil, structural, object, old, celconfig.RuntimeCELCostBudget, options...)
	for _, each := range found {
		answer.Errors = append(answer.Errors, fmt.Sprintf("%s|%s", each.Type, each.Error()))
	}
	answer.Spent = strconv.FormatInt(celconfig.RuntimeCELCostBudget-left, 10)
	if left < 0 {
		answer.Spent = "all"
	}
	return answer
}

// compiledRules are those of the root alone.
func compiledRules(structural *schema.Structural) []compiledRule {
	declared := model.SchemaDeclType(structural, true)
	set := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	results, err := schemacel.Compile(structural, declared, celconfig.PerCallLimit, set, schemacel.NewExpressionsEnvLoader())
	if err != nil {
		panic(err)
	}
	rules := []compiledRule{}
	for _, result := range results {
		rule := compiledRule{
			UsesOldSelf:    result.UsesOldSelf,
			MaxCost:        strconv.FormatUint(result.MaxCost, 10),
			MaxCardinality: strconv.FormatUint(result.MaxCardinality, 10),
			MessageMaxCost: strconv.FormatUint(result.MessageExpressionMaxCost, 10),
		}
		if result.Error != nil {
			rule.Error = result.Error.Detail
		}
		if result.MessageExpressionError != nil {
			rule.MessageError = result.MessageExpressionError.Detail
		}
		rules = append(rules, rule)
	}
	return rules
}
