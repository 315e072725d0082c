package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/generic"
	webhookmutating "k8s.io/apiserver/pkg/admission/plugin/webhook/mutating"
	webhookvalidating "k8s.io/apiserver/pkg/admission/plugin/webhook/validating"
	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
)

// Webhooks of one question.
type hooks struct {
	Mutating   []*admissionv1.MutatingWebhookConfiguration   `json:"mutating"`
	Validating []*admissionv1.ValidatingWebhookConfiguration `json:"validating"`
	// Of the plugin's part of the AdmissionConfiguration.
	Configuration string `json:"configuration"`
}

func (h hooks) none() bool { return len(h.Mutating)+len(h.Validating) == 0 }

func (p *plugin) admitByWebhooks(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	made, err := webhookmutating.NewMutatingWebhook(p.configuration())
	if err != nil {
		return err
	}
	stop, err := p.start(made.Webhook)
	defer stop()
	if err != nil {
		return err
	}
	return made.Admit(ctx, a, o)
}

func (p *plugin) validateByWebhooks(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	made, err := webhookvalidating.NewValidatingAdmissionWebhook(p.configuration())
	if err != nil {
		return err
	}
	stop, err := p.start(made.Webhook)
	defer stop()
	if err != nil {
		return err
	}
	return made.Validate(ctx, a, o)
}

func (p *plugin) configuration() io.Reader {
	if p.asked.Webhooks.Configuration == "" {
		return nil
	}
	return bytes.NewBufferString(p.asked.Webhooks.Configuration)
}

func (p *plugin) start(made *generic.Webhook) (func(), error) {
	var objects []runtime.Object
	for _, each := range p.asked.Webhooks.Mutating {
		objects = append(objects, each)
	}
	for _, each := range p.asked.Webhooks.Validating {
		objects = append(objects, each)
	}
	for _, each := range p.asked.Namespaces {
		objects = append(objects, each.DeepCopy())
	}
	client := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(client, 0)
	ctx, cancel := context.WithCancel(context.Background())
	made.SetServiceResolver(webhook.NewDefaultServiceResolver())
	made.SetAuthenticationInfoResolverWrapper(func(given webhook.AuthenticationInfoResolver) webhook.AuthenticationInfoResolver {
		return &webhook.AuthenticationInfoResolverDelegator{
			ClientConfigForFunc: given.ClientConfigFor,
			ClientConfigForServiceFunc: func(name, namespace string, port int) (*rest.Config, error) {
				return given.ClientConfigForService(name, namespace, port)
			},
		}
	})
	made.SetExternalKubeClientSet(client)
	made.SetExternalKubeInformerFactory(factory)
	made.SetAuthorizer(authorizerOf(p.asked.Allowed))
	made.SetDrainedNotification(ctx.Done())
	if err := made.ValidateInitialization(); err != nil {
		return cancel, err
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return cancel, fmt.Errorf("%v was not read", kind)
		}
	}
	return cancel, nil
}
