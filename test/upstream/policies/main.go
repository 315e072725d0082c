// Judges and changes requests by admission policies as upstream's API server does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"sort"
	"strings"
	_ "unsafe"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/policy/generic"
	"k8s.io/apiserver/pkg/admission/plugin/policy/matching"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	listersv1 "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
)

//go:linkname compileValidating k8s.io/apiserver/pkg/admission/plugin/policy/validating.compilePolicy
func compileValidating(*admissionv1.ValidatingAdmissionPolicy) validating.Validator

//go:linkname compileMutating k8s.io/apiserver/pkg/admission/plugin/policy/mutating.compilePolicy
func compileMutating(*admissionv1.MutatingAdmissionPolicy) mutating.PolicyEvaluator

//go:linkname inRounds k8s.io/apiserver/pkg/admission.newReinvocationHandler
func inRounds(admission.Interface) admission.Interface

type question struct {
	Validating []boundPolicy[admissionv1.ValidatingAdmissionPolicy, admissionv1.ValidatingAdmissionPolicyBinding] `json:"validating"`
	Mutating   []boundPolicy[admissionv1.MutatingAdmissionPolicy, admissionv1.MutatingAdmissionPolicyBinding]     `json:"mutating"`
	Webhooks   hooks                                                                                              `json:"webhooks"`
	Namespaces []*corev1.Namespace                                                                                `json:"namespaces"`
	// Objects that bindings may name.
	Params  []json.RawMessage `json:"params"`
	Allowed []string          `json:"allowed"`
	Request request           `json:"request"`
}

type boundPolicy[P, B any] struct {
	Policy   *P   `json:"policy"`
	Bindings []*B `json:"bindings"`
}

type request struct {
	Operation   admission.Operation         `json:"operation"`
	Kind        metav1.GroupVersionKind     `json:"kind"`
	Resource    metav1.GroupVersionResource `json:"resource"`
	Subresource string                      `json:"subresource"`
	Namespace   string                      `json:"namespace"`
	Name        string                      `json:"name"`
	Object      json.RawMessage             `json:"object"`
	OldObject   json.RawMessage             `json:"oldObject"`
	Options     json.RawMessage             `json:"options"`
	DryRun      bool                        `json:"dryRun"`
	User        userInfo                    `json:"user"`
}

type userInfo struct {
	Username string              `json:"username"`
	UID      string              `json:"uid"`
	Groups   []string            `json:"groups"`
	Extra    map[string][]string `json:"extra"`
}

type answer struct {
	Status      *metav1.Status    `json:"status,omitempty"`
	Error       string            `json:"error,omitempty"`
	Object      runtime.Object    `json:"object,omitempty"`
	Warnings    []string          `json:"warnings,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Metrics     []string          `json:"metrics,omitempty"`
}

// As the plugin names them.
var handlesMutation = admission.NewHandler(admission.Create, admission.Update, admission.Connect)

func main() {
	utilruntime.ErrorHandlers = nil
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
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

func answerTo(asked question) (said answer) {
	attributes := attributesOf(asked.Request)
	warnings := &recorder{}
	ctx := warning.WithWarningRecorder(context.Background(), warnings)
	defer func() {
		if failed := recover(); failed != nil {
			said = answer{Error: fmt.Sprint("panic: ", failed)}
		}
	}()
	legacyregistry.Reset()
	err := inRounds(&plugin{asked}).(admission.MutationInterface).Admit(ctx, attributes, interfaces())
	if err == nil {
		err = (&plugin{asked}).Validate(ctx, attributes, interfaces())
	}
	said = answer{Warnings: warnings.said, Annotations: attributes.annotations, Metrics: counted()}
	if status, ok := err.(apierrors.APIStatus); ok {
		shown := status.Status()
		said.Status = &shown
	} else if err != nil {
		said.Error = err.Error()
	} else if attributes.GetObject() != nil {
		said.Object = attributes.GetObject()
	}
	return said
}

// What the two plugins do with policies that are compiled for the question.
type plugin struct{ asked question }

func (p *plugin) Handles(admission.Operation) bool { return true }

func (p *plugin) Admit(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	if !p.asked.Webhooks.none() {
		return p.admitByWebhooks(ctx, a, o)
	}
	if !handlesMutation.Handles(a.GetOperation()) {
		return nil
	}
	var hooks []mutating.PolicyHook
	for _, each := range p.asked.Mutating {
		hook := mutating.PolicyHook{Policy: each.Policy, Bindings: each.Bindings, Evaluator: compileMutating(each.Policy)}
		hook.ParamInformer, hook.ParamScope, hook.ConfigurationError = p.params(each.Policy.Spec.ParamKind)
		hooks = append(hooks, hook)
	}
	return mutating.NewDispatcher(authorizerOf(p.asked.Allowed), p.matcher(), converters{}).Dispatch(ctx, a, o, hooks)
}

func (p *plugin) Validate(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	if !p.asked.Webhooks.none() {
		return p.validateByWebhooks(ctx, a, o)
	}
	var hooks []validating.PolicyHook
	for _, each := range p.asked.Validating {
		hook := validating.PolicyHook{Policy: each.Policy, Bindings: each.Bindings, Evaluator: compileValidating(each.Policy)}
		hook.ParamInformer, hook.ParamScope, hook.ConfigurationError = p.params(each.Policy.Spec.ParamKind)
		hooks = append(hooks, hook)
	}
	return validating.NewDispatcher(authorizerOf(p.asked.Allowed), generic.NewPolicyMatcher(p.matcher())).Dispatch(ctx, a, o, hooks)
}

func (p *plugin) matcher() *matching.Matcher {
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	for _, each := range p.asked.Namespaces {
		// As a typed client reads it.
		each.TypeMeta = metav1.TypeMeta{}
		_ = indexer.Add(each)
	}
	return matching.NewMatcher(listersv1.NewNamespaceLister(indexer), fake.NewClientset())
}

func (p *plugin) params(kind *admissionv1.ParamKind) (informers.GenericInformer, meta.RESTScope, error) {
	if kind == nil {
		return nil, nil, nil
	}
	gvk := schema.FromAPIVersionAndKind(kind.APIVersion, kind.Kind)
	var scope meta.RESTScope = meta.RESTScopeNamespace
	switch kind.Kind {
	case "ClusterLimit":
		scope = meta.RESTScopeRoot
	case "ConfigMap", "NamespacedLimit":
	default:
		return nil, nil, fmt.Errorf("failed to find resource referenced by paramKind: '%v'", gvk)
	}
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	for _, each := range p.asked.Params {
		object := decode(each)
		if object.GetObjectKind().GroupVersionKind() != gvk {
			continue
		}
		if scheme.Scheme.Recognizes(gvk) {
			// As a typed client reads it.
			object.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
		}
		_ = indexer.Add(object)
	}
	resource := schema.GroupResource{Group: gvk.Group, Resource: strings.ToLower(gvk.Kind) + "s"}
	return informer{lister: cache.NewGenericLister(indexer, resource)}, scope, nil
}

type informer struct {
	cache.SharedIndexInformer
	lister cache.GenericLister
}

func (i informer) Informer() cache.SharedIndexInformer { return i }
func (i informer) Lister() cache.GenericLister         { return i.lister }
func (i informer) HasSynced() bool                     { return true }

// Types of built-in kinds, and what can be told by looking for others.
type converters struct{}

func (converters) Run(context.Context) {}
func (converters) GetTypeConverter(kind schema.GroupVersionKind) managedfields.TypeConverter {
	if scheme.Scheme.Recognizes(kind) {
		return builtIn
	}
	return managedfields.NewDeducedTypeConverter()
}

var builtIn = applyconfigurations.NewTypeConverter(scheme.Scheme)

func authorizerOf(allowed []string) authorizer.Authorizer {
	return authorizer.AuthorizerFunc(func(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
		question := strings.Join([]string{a.GetUser().GetName(), a.GetVerb(), a.GetAPIGroup(), a.GetResource(), a.GetSubresource(), a.GetNamespace(), a.GetName(), a.GetPath()}, ",")
		for _, each := range allowed {
			if each == question {
				return authorizer.DecisionAllow, "it is allowed", nil
			}
		}
		if a.GetVerb() == "fail" {
			return authorizer.DecisionNoOpinion, "", fmt.Errorf("nobody knows")
		}
		return authorizer.DecisionNoOpinion, "not " + question, nil
	})
}

type recorder struct{ said []string }

func (r *recorder) AddWarning(agent, text string) { r.said = append(r.said, text) }

// Attributes that can be asked for the annotations that were made.
type record struct {
	admission.Attributes
	annotations map[string]string
}

func (r *record) AddAnnotationWithLevel(key, value string, level audit.Level) error {
	err := r.Attributes.AddAnnotationWithLevel(key, value, level)
	if err == nil {
		r.annotations[key] = value
	}
	return err
}

func (r *record) AddAnnotation(key, value string) error {
	err := r.Attributes.AddAnnotation(key, value)
	if err == nil {
		r.annotations[key] = value
	}
	return err
}

func attributesOf(r request) *record {
	attributes := admission.NewAttributesRecord(
		decode(r.Object), decode(r.OldObject), schema.GroupVersionKind(r.Kind), r.Namespace, r.Name,
		schema.GroupVersionResource(r.Resource), r.Subresource, r.Operation, decode(r.Options), r.DryRun,
		&user.DefaultInfo{Name: r.User.Username, UID: r.User.UID, Groups: r.User.Groups, Extra: r.User.Extra},
	)
	return &record{attributes, map[string]string{}}
}

func decode(text json.RawMessage) runtime.Object {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	untyped := &unstructured.Unstructured{}
	if err := json.Unmarshal(text, &untyped.Object); err != nil {
		panic(err)
	}
	gvk := untyped.GroupVersionKind()
	object := runtime.Object(&unstructured.Unstructured{})
	if strings.HasSuffix(gvk.Kind, "Options") && gvk.Group == "meta.k8s.io" {
		object = map[string]runtime.Object{
			"CreateOptions": &metav1.CreateOptions{}, "UpdateOptions": &metav1.UpdateOptions{},
			"PatchOptions": &metav1.PatchOptions{}, "DeleteOptions": &metav1.DeleteOptions{},
		}[gvk.Kind]
	} else if scheme.Scheme.Recognizes(gvk) {
		object, _ = scheme.Scheme.New(gvk)
	}
	if err := json.Unmarshal(text, object); err != nil {
		panic(err)
	}
	return object
}

func interfaces() admission.ObjectInterfaces {
	made := admission.NewObjectInterfacesFromScheme(scheme.Scheme).(*admission.RuntimeObjectInterfaces)
	made.ObjectConvertor = convertor{scheme.Scheme}
	made.EquivalentResourceMapper = equivalents()
	return made
}

func equivalents() runtime.EquivalentResourceMapper {
	registry := runtime.NewEquivalentResourceRegistryWithIdentity(func(resource schema.GroupResource) string {
		if resource.Resource == "events" {
			return "/events"
		}
		return "/" + resource.String()
	})
	for _, each := range []schema.GroupVersionKind{{Version: "v1", Kind: "Event"}, {Group: "events.k8s.io", Version: "v1", Kind: "Event"}} {
		registry.RegisterKindFor(each.GroupVersion().WithResource("events"), "", each)
	}
	return registry
}

// The scheme knows of no internal types: what is converted to its own type is copied.
type convertor struct{ *runtime.Scheme }

func (c convertor) Convert(in, out, _ interface{}) error {
	text, err := json.Marshal(in)
	if err != nil {
		return err
	}
	// What was there before must not shine through.
	reflect.ValueOf(out).Elem().SetZero()
	return json.Unmarshal(text, out)
}

// Counters and how often times were taken, without the times.
func counted() []string {
	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		panic(err)
	}
	var said []string
	for _, family := range families {
		if !strings.Contains(family.GetName(), "admission") || strings.HasSuffix(family.GetName(), "_summary") {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := make([]string, 0, len(metric.GetLabel()))
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			count := metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
			said = append(said, fmt.Sprintf("%s{%s} %v", family.GetName(), strings.Join(labels, ","), count))
		}
	}
	sort.Strings(said)
	return said
}
