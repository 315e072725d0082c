package main

import (
	"context"
	"encoding/json"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	schemacel "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/version"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
)

// expressionCase is one expression in the base environment of a version, with variables of schemas or of none.
type expressionCase struct {
	Text      string                  `json:"text"`
	Minor     uint                    `json:"minor"`
	Variables map[string]variableCase `json:"variables"`
	// WithPatches adds what mutating policies have.
	WithPatches bool `json:"withPatches"`
}

type variableCase struct {
	Schema json.RawMessage `json:"schema,omitempty"`
	Value  json.RawMessage `json:"value,omitempty"`
}

type expressionAnswer struct {
	Issues string `json:"issues,omitempty"`
	Type   string `json:"type,omitempty"`
	Min    string `json:"min,omitempty"`
	Max    string `json:"max,omitempty"`
	Value  any    `json:"value,omitempty"`
	Error  string `json:"error,omitempty"`
	Cost   string `json:"cost,omitempty"`
}

func (asked *expressionCase) answer() any {
	env, roots, data, err := asked.environment()
	if err != nil {
		return map[string]string{"panic": err.Error()}
	}
	ast, issues := env.Compile(asked.Text)
	if issues != nil && issues.Err() != nil {
		return expressionAnswer{Issues: issues.String()}
	}
	answer := expressionAnswer{Type: checker.FormatCELType(ast.OutputType())}
	estimator := &library.CostEstimator{SizeEstimator: &sizesOf{roots}}
	estimate, err := env.EstimateCost(ast, estimator)
	if err != nil {
		return map[string]string{"panic": err.Error()}
	}
	answer.Min, answer.Max = strconv.FormatUint(estimate.Min, 10), strconv.FormatUint(estimate.Max, 10)
	program, err := env.Program(ast, cel.CostLimit(celconfig.PerCallLimit), cel.CostTracking(estimator), cel.InterruptCheckFrequency(celconfig.CheckFrequency))
	if err != nil {
		answer.Error = "program: " + err.Error()
		return answer
	}
	value, details, err := program.ContextEval(context.Background(), data)
	if details != nil && details.ActualCost() != nil {
		answer.Cost = strconv.FormatUint(*details.ActualCost(), 10)
	}
	if err != nil {
		answer.Error = err.Error()
	} else {
		answer.Value = shown(value)
	}
	return answer
}

func (asked *expressionCase) environment() (*cel.Env, map[string]*apiservercel.DeclType, map[string]any, error) {
	roots, data := map[string]*apiservercel.DeclType{}, map[string]any{}
	options := environment.VersionedOptions{IntroducedVersion: version.MajorMinor(1, 0)}
	if asked.WithPatches {
		options.EnvOptions = append(options.EnvOptions, library.JSONPatch())
	}
	for name, variable := range asked.Variables {
		if name == "authorizer" {
			options.EnvOptions = append(options.EnvOptions, cel.Variable(name, library.AuthorizerType))
			data[name] = authorizerVal()
			continue
		}
		var value any
		if variable.Value != nil {
			if err := utiljson.Unmarshal(variable.Value, &value); err != nil {
				return nil, nil, nil, err
			}
		}
		if variable.Schema == nil {
			options.EnvOptions = append(options.EnvOptions, cel.Variable(name, cel.DynType))
			if variable.Value != nil {
				data[name] = value
			}
			continue
		}
		structural, err := structuralOf(variable.Schema)
		if err != nil {
			return nil, nil, nil, err
		}
		declared := model.SchemaDeclType(structural, false).MaybeAssignTypeName("Type" + name)
		roots[name] = declared
		options.EnvOptions = append(options.EnvOptions, cel.Variable(name, declared.CelType()))
		options.DeclTypes = append(options.DeclTypes, declared)
		if variable.Value != nil {
			data[name] = schemacel.UnstructuredToVal(value, structural)
		}
	}
	minor := asked.Minor
	if minor == 0 {
		minor = 36
	}
	set, err := environment.MustBaseEnvSet(version.MajorMinor(1, minor)).Extend(options)
	if err != nil {
		return nil, nil, nil, err
	}
	return set.NewExpressionsEnv(), roots, data, nil
}

func structuralOf(raw json.RawMessage) (*schema.Structural, error) {
	props := &apiextensionsv1.JSONSchemaProps{}
	if err := utiljson.Unmarshal(raw, props); err != nil {
		return nil, err
	}
	internal := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(props, internal, nil); err != nil {
		return nil, err
	}
	return schema.NewStructural(internal)
}

// sizesOf says how large what a path leads to may be, from the variable on.
type sizesOf struct {
	roots map[string]*apiservercel.DeclType
}

func (s *sizesOf) EstimateSize(element checker.AstNode) *checker.SizeEstimate {
	path := element.Path()
	if len(path) == 0 {
		return nil
	}
	at := s.roots[path[0]]
	for _, step := range path[1:] {
		if at == nil {
			return nil
		}
		switch step {
		case "@items", "@values":
			at = at.ElemType
		case "@keys":
			at = at.KeyType
		default:
			field, ok := at.Fields[step]
			if !ok {
				return nil
			}
			at = field.Type
		}
	}
	if at == nil {
		return nil
	}
	return &checker.SizeEstimate{Min: 0, Max: uint64(at.MaxElements)}
}

func (s *sizesOf) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}
