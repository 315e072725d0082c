// Prints, as tools/data/go-types.json keeps them, the names by which decoders speak of the types of fields where JSON's own say less: of strings, lists and maps
// that have a type of their own (`v1.DNSPolicy`), and of the structs that a field is inlined from.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

type table map[string]map[string]string

// What reads itself says itself what is wrong with it.
var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

func main() {
	if err := apiextensionsv1.AddToScheme(scheme.Scheme); err != nil {
		panic(err)
	}
	found, seen := table{}, map[reflect.Type]bool{}
	for _, kind := range scheme.Scheme.AllKnownTypes() {
		found.visit(kind, seen)
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	for at, name := range names {
		fields, err := json.Marshal(found[name])
		if err != nil {
			panic(err)
		}
		opening, closing := "", ","
		if at == 0 {
			opening = "{\n"
		}
		if at == len(names)-1 {
			closing = "\n}"
		}
		fmt.Fprintf(os.Stdout, "%s%q: %s%s\n", opening, name, fields, closing)
	}
}

func (found table) visit(t reflect.Type, seen map[reflect.Type]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		found.visit(t.Elem(), seen)
		return
	case reflect.Struct:
	default:
		return
	}
	if seen[t] || reflect.PointerTo(t).Implements(unmarshaler) {
		return
	}
	seen[t] = true
	fields := map[string]string{}
	found.fields(t, nil, fields, seen)
	if len(fields) > 0 {
		found[definition(t)] = fields
	}
}

func (found table) fields(t reflect.Type, inlined []string, into map[string]string, seen map[reflect.Type]bool) {
	for i := range t.NumField() {
		field := t.Field(i)
		if !field.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		found.visit(field.Type, seen)
		if field.Anonymous && name == "" || strings.Contains(options, "inline") {
			found.fields(behind(field.Type), append(inlined[:len(inlined):len(inlined)], field.Name), into, seen)
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		said := strings.Join(inlined, ".")
		if of := behind(field.Type); isNamed(of) {
			said += "|" + of.String()
		}
		if said != "" {
			into[name] = said
		}
	}
}

func behind(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// isNamed reports whether a string, number, list or map has a type of its own, or is made of such.
func isNamed(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Interface:
		return false
	case reflect.Pointer:
		return isNamed(t.Elem())
	}
	if t.Name() != "" && t.PkgPath() != "" {
		return true
	}
	switch t.Kind() {
	case reflect.Slice:
		return isNamed(t.Elem()) || t.Elem().Kind() == reflect.Pointer
	case reflect.Map:
		return isNamed(t.Elem()) || isNamed(t.Key()) || t.Elem().Kind() == reflect.Pointer
	}
	return false
}

// definition is the name of a type in OpenAPI.
func definition(t reflect.Type) string {
	host, rest, _ := strings.Cut(t.PkgPath(), "/")
	words := strings.Split(host, ".")
	for i, j := 0, len(words)-1; i < j; i, j = i+1, j-1 {
		words[i], words[j] = words[j], words[i]
	}
	return strings.Join(words, ".") + "." + strings.ReplaceAll(rest, "/", ".") + "." + t.Name()
}
