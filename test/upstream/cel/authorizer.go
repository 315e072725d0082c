package main

import (
	"context"
	"errors"

	"cel.dev/cel-go/common/types/ref"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/cel/library"
)

// verbs allows what is got, fails on `boom` and has no opinion of the rest.
type verbs struct{}

func (verbs) Authorize(_ context.Context, attributes authorizer.Attributes) (authorizer.Decision, string, error) {
	switch attributes.GetVerb() {
	case "get":
		return authorizer.DecisionAllow, "may get", nil
	case "boom":
		return authorizer.DecisionNoOpinion, "", errors.New("no answer")
	}
	return authorizer.DecisionDeny, "may not", nil
}

func authorizerVal() ref.Val {
	return library.NewAuthorizerVal(&user.DefaultInfo{Name: "jane"}, verbs{})
}
