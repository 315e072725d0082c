// Says what is wrong with names and metadata, as upstream does.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

type question struct {
	Kind       string                `json:"kind"`
	Text       string                `json:"text"`
	Prefix     bool                  `json:"prefix"`
	Meta       *metav1.ObjectMeta    `json:"meta"`
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
			said = append(said, each.Error())
		}
		return said
	}
	path := field.NewPath("at")
	switch asked.Kind {
	case "meta":
		return tell(apivalidation.ValidateObjectMeta(asked.Meta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata")))
	case "selector":
		return tell(metav1validation.ValidateLabelSelector(asked.Selector, metav1validation.LabelSelectorValidationOptions{}, path))
	case "conditions":
		return tell(metav1validation.ValidateConditions(asked.Conditions, path))
	case "fullyQualifiedDomain":
		return tell(validation.IsFullyQualifiedDomainName(path, asked.Text))
	case "domainPrefixedPath":
		return tell(validation.IsDomainPrefixedPath(path, asked.Text))
	}
	return append(said, names[asked.Kind](asked.Text, asked.Prefix)...)
}
