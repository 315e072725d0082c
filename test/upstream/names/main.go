// Says what is wrong with names and metadata, as upstream does.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/api/validation/path"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	optionsvalidation "k8s.io/apimachinery/pkg/apis/meta/internalversion/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

type question struct {
	Kind       string                `json:"kind"`
	Text       string                `json:"text"`
	Prefix     bool                  `json:"prefix"`
	Meta       *metav1.ObjectMeta    `json:"meta"`
	Old        *metav1.ObjectMeta    `json:"old"`
	Options    json.RawMessage       `json:"options"`
	PatchType  types.PatchType       `json:"patchType"`
	Selector   *metav1.LabelSelector `json:"selector"`
	Conditions []metav1.Condition    `json:"conditions"`
}

var names = map[string]func(string, bool) []string{
	"dnsLabel":                 apivalidation.NameIsDNSLabel,
	"dns1035Label":             apivalidation.NameIsDNS1035Label,
	"subdomainName":            apivalidation.NameIsDNSSubdomain,
	"qualifiedName":            plain(validation.IsQualifiedName),
	"labelValue":               plain(validation.IsValidLabelValue),
	"portName":                 plain(validation.IsValidPortName),
	"environmentName":          plain(validation.IsRelaxedEnvVarName),
	"configKey":                plain(validation.IsConfigMapKey),
	"cIdentifier":              plain(validation.IsCIdentifier),
	"wildcardName":             plain(validation.IsWildcardDNS1123Subdomain),
	"underscoredSubdomainName": plain(validation.IsDNS1123SubdomainWithUnderscore),
}

func plain(rule func(string) []string) func(string, bool) []string {
	return func(name string, _ bool) []string { return rule(name) }
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

func answerTo(asked question) []string {
	said := []string{}
	tell := func(errors field.ErrorList) []string {
		for _, each := range errors {
			said = append(said, string(each.Type)+" "+each.Error())
		}
		return said
	}
	at, metadata := field.NewPath("at"), field.NewPath("metadata")
	switch asked.Kind {
	case "create":
		return tell(apivalidation.ValidateObjectMeta(asked.Meta, true, apivalidation.NameIsDNSSubdomain, metadata))
	case "update":
		// In the order in which a write comes by them: twice for every kind, once more by the kind's own rules.
		tell(apivalidation.ValidateObjectMeta(asked.Meta, true, path.ValidatePathSegmentName, metadata))
		tell(apivalidation.ValidateObjectMetaUpdate(asked.Meta, asked.Old, metadata))
		return tell(apivalidation.ValidateObjectMetaUpdate(asked.Meta, asked.Old, metadata))
	case "selector":
		return tell(metav1validation.ValidateLabelSelector(asked.Selector, metav1validation.LabelSelectorValidationOptions{}, at))
	case "conditions":
		return tell(metav1validation.ValidateConditions(asked.Conditions, at))
	case "fullyQualifiedDomain":
		return tell(validation.IsFullyQualifiedDomainName(at, asked.Text))
	case "domainPrefixedPath":
		return tell(validation.IsDomainPrefixedPath(at, asked.Text))
	case "createOptions":
		return tell(metav1validation.ValidateCreateOptions(read[metav1.CreateOptions](asked)))
	case "updateOptions":
		return tell(metav1validation.ValidateUpdateOptions(read[metav1.UpdateOptions](asked)))
	case "patchOptions":
		return tell(metav1validation.ValidatePatchOptions(read[metav1.PatchOptions](asked), asked.PatchType))
	case "deleteOptions":
		return tell(metav1validation.ValidateDeleteOptions(read[metav1.DeleteOptions](asked)))
	case "listOptions":
		options := read[internalversion.ListOptions](asked)
		internalversion.SetListOptionsDefaults(options, true)
		return tell(optionsvalidation.ValidateListOptions(options, true))
	case "tableOptions":
		return tell(metav1validation.ValidateTableOptions(read[metav1.TableOptions](asked)))
	}
	return append(said, names[asked.Kind](asked.Text, asked.Prefix)...)
}

func read[T any](asked question) *T {
	options := new(T)
	if err := json.Unmarshal(asked.Options, options); err != nil {
		panic(err)
	}
	return options
}
