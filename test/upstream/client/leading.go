package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"

	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

// Three candidates lead one after the other, never two at once; who gives up hands over at once, who falls silent is waited for.
func electing(r *run) {
	namespace := r.namespace("election")
	var lock sync.Mutex
	leading, most, terms := 0, 0, []string{}
	elect := func(identity string, release bool) (cancel func(), done chan struct{}) {
		ctx, stop := context.WithCancel(r)
		lease, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, namespace, "boss", resourcelock.ResourceLockConfig{Identity: identity}, rest.CopyConfig(r.config), 2*time.Second)
		r.must("lock", err)
		done = make(chan struct{})
		go func() {
			defer close(done)
			leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
				Lock: lease, LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 100 * time.Millisecond, ReleaseOnCancel: release,
				Callbacks: leaderelection.LeaderCallbacks{
					OnStartedLeading: func(led context.Context) {
						lock.Lock()
						leading++
						most = max(most, leading)
						terms = append(terms, identity)
						lock.Unlock()
						<-led.Done()
						lock.Lock()
						leading--
						lock.Unlock()
					},
					OnStoppedLeading: func() {},
				},
			})
		}()
		return stop, done
	}
	led := func(count int) func() bool {
		return func() bool { lock.Lock(); defer lock.Unlock(); return len(terms) == count }
	}
	stopA, doneA := elect("a", true)
	r.eventually("a leads", led(1))
	stopB, doneB := elect("b", false)
	time.Sleep(300 * time.Millisecond)
	handed := time.Now()
	stopA()
	<-doneA
	r.eventually("b leads", led(2))
	r.expect(time.Since(handed) < 2*time.Second, "a lease that was released was taken after %v", time.Since(handed))
	stopC, doneC := elect("c", true)
	silent := time.Now()
	stopB()
	<-doneB
	r.eventually("c leads", led(3))
	r.expect(time.Since(silent) > 2*time.Second, "a lease that is held was taken after %v", time.Since(silent))
	lease, err := r.json.CoordinationV1().Leases(namespace).Get(r, "boss", metav1.GetOptions{})
	r.must("lease", err)
	r.same("holder and transitions", []any{*lease.Spec.HolderIdentity, *lease.Spec.LeaseTransitions}, []any{"c", 2})
	stopC()
	<-doneC
	r.same("terms", terms, []string{"a", "b", "c"})
	r.same("leaders at once", most, 1)
}

// Events of both APIs: repeated ones are counted, similar ones put together.
func recording(r *run) {
	namespace := r.namespace("events-of-both")
	about, err := r.json.CoreV1().ConfigMaps(namespace).Create(r, configMap("about", nil), metav1.CreateOptions{})
	r.must("create", err)
	reference := &corev1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: about.Name, UID: about.UID}

	broadcaster := record.NewBroadcaster(record.WithContext(r))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: r.protobuf.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "recorder", Host: "here"})
	for range 3 {
		recorder.Event(reference, corev1.EventTypeNormal, "Repeated", "the same")
	}
	for number := range 12 {
		recorder.Eventf(reference, corev1.EventTypeWarning, "Similar", "number %d", number)
	}
	r.eventually("three times the same are one event, counted", func() bool {
		found, err := r.json.CoreV1().Events(namespace).List(r, metav1.ListOptions{FieldSelector: "reason=Repeated,involvedObject.name=about"})
		return err == nil && len(found.Items) == 1 && found.Items[0].Count == 3 && found.Items[0].Source.Component == "recorder"
	})
	r.eventually("twelve that are similar end in one that says so", func() bool {
		found, err := r.json.CoreV1().Events(namespace).List(r, metav1.ListOptions{FieldSelector: "reason=Similar,type=Warning"})
		if err != nil || len(found.Items) != 10 {
			return false
		}
		for _, event := range found.Items {
			if strings.HasPrefix(event.Message, "(combined from similar events)") {
				return event.Count == 3
			}
		}
		return false
	})
	broadcaster.Shutdown()

	modern := events.NewBroadcaster(&events.EventSinkImpl{Interface: r.protobuf.EventsV1()})
	r.must("recording", modern.StartRecordingToSinkWithContext(r))
	for range 3 {
		modern.NewRecorder(scheme.Scheme, "modern").Eventf(reference, nil, corev1.EventTypeNormal, "Acted", "Acting", "what was done")
	}
	r.eventually("a series of an events.k8s.io event", func() bool {
		found, err := r.json.EventsV1().Events(namespace).List(r, metav1.ListOptions{FieldSelector: "reason=Acted"})
		return err == nil && len(found.Items) == 1 && found.Items[0].Action == "Acting" && found.Items[0].Series != nil
	})
	old, err := r.json.CoreV1().Events(namespace).List(r, metav1.ListOptions{FieldSelector: "reason=Acted"})
	r.must("core events", err)
	r.same("the same as a core event", fmt.Sprint(len(old.Items), old.Items[0].ReportingController, old.Items[0].Message), "1modernwhat was done")
	modern.Shutdown()
}
