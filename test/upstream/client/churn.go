package main

import (
	"context"
	"fmt"
	"math/rand"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
)

const (
	churnInformers = 20
	churnObjects   = 3000
	churnChanges   = 4000
	churnWriters   = 8
)

// Twenty informers and a bare watch follow thousands of objects that change, and end where a list is: nothing lost, nothing twice, in order.
func churning(r *run) {
	namespace := r.namespace("churn")
	ctx, cancel := context.WithCancel(r)
	defer cancel()
	ears, factories := make([]*told, churnInformers), make([]informers.SharedInformerFactory, churnInformers)
	for index := range ears {
		ears[index] = listen()
		factories[index] = informers.NewSharedInformerFactoryWithOptions([]kubernetes.Interface{r.protobuf, r.json}[index%2], 0, informers.WithNamespace(namespace))
		_, err := factories[index].Core().V1().ConfigMaps().Informer().AddEventHandler(ears[index])
		r.must("handler", err)
		// Half are there from the start, half come in while things change.
		if index < churnInformers/2 {
			factories[index].Start(ctx.Done())
			factories[index].WaitForCacheSync(ctx.Done())
		}
	}
	bare := r.followBare(ctx, namespace)
	started := time.Now()
	changes := r.change(namespace, func() {
		for _, factory := range factories[churnInformers/2:] {
			factory.Start(ctx.Done())
		}
	})
	r.note("changes a second", int(float64(changes)/time.Since(started).Seconds()))

	want := map[string]uint64{}
	list, err := r.protobuf.CoreV1().ConfigMaps(namespace).List(r, metav1.ListOptions{})
	r.must("list", err)
	for index := range list.Items {
		want[nameOf(&list.Items[index])] = revision(&list.Items[index])
	}
	for index, ear := range ears {
		r.eventually(fmt.Sprintf("informer %d holds the %d objects of the list, each in its last version", index, len(want)), func() bool { return fmt.Sprint(ear.snapshot()) == fmt.Sprint(want) })
		r.heard(fmt.Sprintf("informer %d", index), ear)
	}
	r.eventually(fmt.Sprintf("a bare watch has had %d changes", changes), func() bool { return bare.events.Load() >= int64(changes) })
	r.same("changes that a bare watch was told", bare.events.Load(), changes)
	cancel()
	for _, factory := range factories {
		factory.Shutdown()
	}
}

type bareWatch struct{ events atomic.Int64 }

// A watch without any informer: every change is one event, at a revision above the last.
func (r *run) followBare(ctx context.Context, namespace string) *bareWatch {
	client := r.protobuf.CoreV1().ConfigMaps(namespace)
	list, err := client.List(r, metav1.ListOptions{})
	r.must("list", err)
	started, err := client.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion, AllowWatchBookmarks: true})
	r.must("watch", err)
	bare := &bareWatch{}
	last := revision(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{ResourceVersion: list.ResourceVersion}})
	// The controller that hands out certificates writes here, too.
	go func() {
		for event := range started.ResultChan() {
			if event.Type == watch.Error && ctx.Err() != nil {
				return
			}
			if event.Type == watch.Error {
				r.fault("a bare watch failed: %v", errors.FromObject(event.Object))
				return
			}
			at := revision(event.Object)
			if event.Type == watch.Bookmark {
				r.expect(at >= last, "a bookmark at %d after %d", at, last)
				continue
			}
			r.expect(at > last, "%s of %s at %d after %d", event.Type, nameOf(event.Object), at, last)
			last = at
			if nameOf(event.Object) != namespace+"/kube-root-ca.crt" {
				bare.events.Add(1)
			}
		}
	}()
	return bare
}

// Creates, updates, patches and deletes from several writers; each has names of its own, so that none fails. Returns how many changes there were.
func (r *run) change(namespace string, halfway func()) int {
	var made atomic.Int64
	var writers sync.WaitGroup
	phase := func(body func(writer int, number int), count int) {
		for writer := range churnWriters {
			writers.Go(func() {
				for number := range count / churnWriters {
					body(writer, number)
				}
			})
		}
		writers.Wait()
	}
	client := r.protobuf.CoreV1().ConfigMaps(namespace)
	name := func(writer, number int) string { return fmt.Sprintf("c-%d-%d", writer, number) }
	phase(func(writer, number int) {
		if _, err := client.Create(r, configMap(name(writer, number), map[string]string{"n": "0"}), metav1.CreateOptions{}); err != nil {
			r.fault("create: %v", err)
		}
		made.Add(1)
	}, churnObjects)
	halfway()
	phase(func(writer, number int) {
		random := rand.New(rand.NewSource(int64(writer*churnChanges + number)))
		target := name(writer, random.Intn(churnObjects/churnWriters))
		var err error
		switch random.Intn(4) {
		case 0:
			if err = client.Delete(r, target, metav1.DeleteOptions{}); errors.IsNotFound(err) {
				_, err = client.Create(r, configMap(target, nil), metav1.CreateOptions{})
			}
		default:
			patch := fmt.Sprintf(`{"data":{"n":"%d-%d"}}`, writer, number)
			if _, err = client.Patch(r, target, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); errors.IsNotFound(err) {
				_, err = client.Create(r, configMap(target, nil), metav1.CreateOptions{})
			}
		}
		if err != nil {
			r.fault("change of %s: %v", target, err)
		}
		made.Add(1)
	}, churnChanges)
	return int(made.Load())
}
