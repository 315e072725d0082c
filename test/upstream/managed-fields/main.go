// Keeps metadata.managedFields and applies configurations as upstream's API server does, one write a line.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

type question struct {
	Kind string `json:"kind"`

	// "set", "sets"
	Text  string `json:"text"`
	Other string `json:"other"`

	// "models", "custom"
	Models     map[string]*spec.Schema                 `json:"models"`
	Definition *apiextensions.CustomResourceDefinition `json:"definition"`

	// "write"
	Converter   string          `json:"converter"`
	Live        json.RawMessage `json:"live"`
	New         json.RawMessage `json:"new"`
	APIVersion  string          `json:"apiVersion"`
	Object      string          `json:"object"`
	Hub         string          `json:"hub"`
	Subresource string          `json:"subresource"`
	Manager     string          `json:"manager"`
	Apply       bool            `json:"apply"`
	Force       bool            `json:"force"`
	Reset       string          `json:"reset"`
}

type answer struct {
	Error  string         `json:"error,omitempty"`
	Status *metav1.Status `json:"status,omitempty"`
	Text   string         `json:"text,omitempty"`

	Union        string `json:"union,omitempty"`
	Intersection string `json:"intersection,omitempty"`
	Difference   string `json:"difference,omitempty"`
	Below        string `json:"below,omitempty"`
	Equal        bool   `json:"equal,omitempty"`
	Paths        string `json:"paths,omitempty"`

	Object json.RawMessage `json:"object,omitempty"`
}

var (
	models     map[string]*spec.Schema
	converters = map[string]managedfields.TypeConverter{
		"typed":   applyconfigurations.NewTypeConverter(scheme.Scheme),
		"deduced": managedfields.NewDeducedTypeConverter(),
	}
)

func main() {
	utilruntime.Must(apiextensions.AddToScheme(scheme.Scheme))
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	in.Buffer(nil, 256<<20)
	out.SetEscapeHTML(false)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			panic(err)
		}
		if err := out.Encode(answerTo(&asked)); err != nil {
			panic(err)
		}
	}
}

func answerTo(asked *question) answer {
	switch asked.Kind {
	case "set":
		set, err := readSet(asked.Text)
		if err != nil {
			return failed(err)
		}
		return answer{Text: textOf(set), Paths: set.String()}
	case "sets":
		a, b := mustRead(asked.Text), mustRead(asked.Other)
		return answer{
			Union:        textOf(a.Union(b)),
			Intersection: textOf(a.Intersection(b)),
			Difference:   textOf(a.Difference(b)),
			Below:        textOf(a.RecursiveDifference(b)),
			Equal:        a.Equals(b),
		}
	case "models":
		models = asked.Models
		converter, err := managedfields.NewTypeConverter(models, false)
		if err != nil {
			return failed(err)
		}
		converters["published"] = converter
		return answer{}
	case "custom":
		return failed(addCustom(asked.Converter, asked.Definition))
	default:
		object, err := write(asked)
		if err != nil {
			return failed(err)
		}
		text, err := json.Marshal(object)
		if err != nil {
			return failed(err)
		}
		return answer{Object: text}
	}
}

func failed(err error) answer {
	if err == nil {
		return answer{}
	}
	var known apierrors.APIStatus
	if errors.As(err, &known) {
		status := known.Status()
		return answer{Error: err.Error(), Status: &status}
	}
	return answer{Error: err.Error()}
}

func readSet(text string) (*fieldpath.Set, error) {
	set := fieldpath.NewSet()
	return set, set.FromJSON(strings.NewReader(text))
}

func mustRead(text string) *fieldpath.Set {
	set, err := readSet(text)
	if err != nil {
		panic(err)
	}
	return set
}

func textOf(set *fieldpath.Set) string {
	text, err := set.ToJSON()
	if err != nil {
		panic(err)
	}
	return string(text)
}

// addCustom makes the types of a custom kind as the server of custom resources does.
func addCustom(name string, definition *apiextensions.CustomResourceDefinition) error {
	apiextensions.SetDefaults_CustomResourceDefinition(definition)
	documents := []*spec3.OpenAPI{{Version: "3.0.0", Info: &spec.Info{}, Components: &spec3.Components{Schemas: models}}}
	for _, version := range definition.Spec.Versions {
		document, err := builder.BuildOpenAPIV3(definition, version.Name, builder.Options{})
		if err != nil {
			return err
		}
		documents = append(documents, document)
	}
	merged, err := builder.MergeSpecsV3(documents...)
	if err != nil {
		return err
	}
	for name, each := range merged.Components.Schemas {
		if strings.HasSuffix(name, "."+definition.Spec.Names.Kind) && len(each.Properties) == 0 {
			return errors.New("the schema is not structural")
		}
	}
	converter, err := managedfields.NewTypeConverter(merged.Components.Schemas, definition.Spec.PreserveUnknownFields)
	if err != nil {
		return err
	}
	converters[name] = converter
	return nil
}

func write(asked *question) (runtime.Object, error) {
	gvk := schema.FromAPIVersionAndKind(asked.APIVersion, asked.Object)
	built := scheme.Scheme.Recognizes(gvk)
	create := managedfields.NewDefaultCRDFieldManager
	if built {
		create = managedfields.NewDefaultFieldManager
	}
	var reset map[fieldpath.APIVersion]fieldpath.Filter
	if asked.Reset != "" {
		reset = fieldpath.NewExcludeFilterSetMap(map[fieldpath.APIVersion]*fieldpath.Set{
			fieldpath.APIVersion(asked.APIVersion): mustRead(asked.Reset),
		})
	}
	forms := forms{built}
	hub := gvk.GroupVersion()
	manager, err := create(converters[asked.Converter], forms, forms, forms, gvk, hub, asked.Subresource, reset)
	if err != nil {
		return nil, err
	}
	live, err := forms.read(gvk, asked.Live)
	if err != nil {
		return nil, err
	}
	before := timesOf(live)
	if asked.Apply {
		sent := &unstructured.Unstructured{}
		if err := json.Unmarshal(asked.New, &sent.Object); err != nil {
			return nil, err
		}
		object, err := manager.Apply(live, sent, asked.Manager, asked.Force)
		return withTimes(object, before), err
	}
	sent, err := forms.read(gvk, asked.New)
	if err != nil {
		return nil, err
	}
	for at := range timesOf(sent) {
		before[at] = true
	}
	return withTimes(manager.UpdateNoErrors(live, sent, asked.Manager), before), nil
}

// now stands for whatever time it is.
var now = metav1.NewTime(time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC))

func timesOf(object runtime.Object) map[int64]bool {
	accessor, err := meta.Accessor(object)
	if err != nil {
		panic(err)
	}
	times := map[int64]bool{}
	for _, entry := range accessor.GetManagedFields() {
		if entry.Time != nil {
			times[entry.Time.Unix()] = true
		}
	}
	return times
}

func withTimes(object runtime.Object, known map[int64]bool) runtime.Object {
	if object == nil {
		return nil
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		panic(err)
	}
	entries := accessor.GetManagedFields()
	for i := range entries {
		if entries[i].Time != nil && !known[entries[i].Time.Unix()] {
			entries[i].Time = &now
		}
	}
	accessor.SetManagedFields(entries)
	return object
}

// forms knows one version of each kind: objects of built-in kinds are typed, others are not.
type forms struct {
	built bool
}

func (f forms) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	return f.read(gvk, nil)
}

func (f forms) Default(runtime.Object) {}

func (f forms) read(gvk schema.GroupVersionKind, text []byte) (runtime.Object, error) {
	var object runtime.Object = &unstructured.Unstructured{Object: map[string]any{}}
	if f.built {
		made, err := scheme.Scheme.New(gvk)
		if err != nil {
			return nil, err
		}
		object = made
	}
	if len(text) > 0 && string(text) != "null" {
		if u, ok := object.(*unstructured.Unstructured); ok {
			if err := json.Unmarshal(text, &u.Object); err != nil {
				return nil, err
			}
			normalize(u.Object)
		} else if err := json.Unmarshal(text, object); err != nil {
			return nil, err
		}
	}
	object.GetObjectKind().SetGroupVersionKind(gvk)
	return object, nil
}

// normalize makes whole numbers integers, as upstream's readers do.
func normalize(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = normalize(v[name])
		}
	case []any:
		for at := range v {
			v[at] = normalize(v[at])
		}
	case float64:
		if whole := int64(v); float64(whole) == v {
			return whole
		}
	}
	return value
}

func (f forms) ConvertToVersion(in runtime.Object, target runtime.GroupVersioner) (runtime.Object, error) {
	gvk, ok := target.KindForGroupVersionKinds([]schema.GroupVersionKind{in.GetObjectKind().GroupVersionKind()})
	if !ok {
		return nil, runtime.NewNotRegisteredErrForTarget("peer", nil, target)
	}
	if f.built && !scheme.Scheme.Recognizes(gvk) {
		return nil, runtime.NewNotRegisteredErrForKind("peer", gvk)
	}
	u, untyped := in.(*unstructured.Unstructured)
	if f.built && untyped {
		object, err := scheme.Scheme.New(gvk)
		if err != nil {
			return nil, err
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, object); err != nil {
			return nil, err
		}
		object.GetObjectKind().SetGroupVersionKind(gvk)
		return object, nil
	}
	out := in.DeepCopyObject()
	out.GetObjectKind().SetGroupVersionKind(gvk)
	return out, nil
}

func (f forms) Convert(in, out, context any) error {
	return errors.New("not asked for")
}

func (f forms) ConvertFieldLabel(gvk schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}
