package main

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/pager"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/utils/ptr"
)

// Bookmarks, initial events, history that is gone.
func watching(r *run) {
	namespace := r.namespace("watches")
	for form, client := range map[string]kubernetes.Interface{"json": r.json, "protobuf": r.protobuf} {
		r.initialEvents(client, namespace, form)
	}
	r.bookmarks(namespace)
	r.refusedWatches(namespace)
}

// A streaming list sends what there is, then the bookmark that says so.
func (r *run) initialEvents(client kubernetes.Interface, namespace, form string) {
	maps := client.CoreV1().ConfigMaps(namespace)
	for number := range 3 {
		_, err := maps.Create(r, configMap(fmt.Sprintf("%s-%d", form, number), nil), metav1.CreateOptions{})
		r.must("create", err)
	}
	stream, err := maps.Watch(r, metav1.ListOptions{
		SendInitialEvents: ptr.To(true), AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
		FieldSelector: "metadata.name!=kube-root-ca.crt",
	})
	r.must("streaming list", err)
	defer stream.Stop()
	names := []string{}
	for event := range stream.ResultChan() {
		if event.Type == watch.Bookmark {
			marked := event.Object.(*corev1.ConfigMap)
			r.same("annotation of the bookmark", marked.Annotations, map[string]string{metav1.InitialEventsAnnotationKey: "true"})
			list, err := maps.List(r, metav1.ListOptions{ResourceVersion: marked.ResourceVersion, ResourceVersionMatch: metav1.ResourceVersionMatchExact, FieldSelector: "metadata.name!=kube-root-ca.crt"})
			r.must("list at the bookmark", err)
			r.same(form+" initial events", len(names), len(list.Items))
			break
		}
		r.same("type of an initial event", event.Type, watch.Added)
		names = append(names, nameOf(event.Object))
	}
	made, err := maps.Create(r, configMap(form+"-live", nil), metav1.CreateOptions{})
	r.must("create", err)
	event := <-stream.ResultChan()
	r.same(form+" live event", []any{event.Type, nameOf(event.Object), versionOf(event.Object)}, []any{watch.Added, namespace + "/" + made.Name, made.ResourceVersion})
}

// What else is written moves an idle watch on; its end by its own timeout begins with a bookmark of where it was.
func (r *run) bookmarks(namespace string) {
	list, err := r.json.CoreV1().Secrets(namespace).List(r, metav1.ListOptions{})
	r.must("list", err)
	stream, err := r.json.CoreV1().Secrets(namespace).Watch(r, metav1.ListOptions{ResourceVersion: list.ResourceVersion, AllowWatchBookmarks: true, TimeoutSeconds: ptr.To(int64(3))})
	r.must("watch", err)
	elsewhere, err := r.json.CoreV1().Secrets("default").Create(r, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "elsewhere"}}, metav1.CreateOptions{})
	r.must("create", err)
	marks, last := 0, uint64(0)
	for event := range stream.ResultChan() {
		if r.same("event of an idle watch", event.Type, watch.Bookmark) {
			marks++
			last = revision(event.Object)
		}
	}
	r.expect(marks > 0 && last >= revision(elsewhere), "%d bookmarks, the last at %d; another namespace was at %s", marks, last, elsewhere.ResourceVersion)
}

func (r *run) refusedWatches(namespace string) {
	maps := r.json.CoreV1().ConfigMaps(namespace)
	_, err := maps.Watch(r, metav1.ListOptions{SendInitialEvents: ptr.To(true), AllowWatchBookmarks: true})
	r.expect(errors.IsInvalid(err), "initial events without resourceVersionMatch: %v", err)
	_, err = maps.Watch(r, metav1.ListOptions{ResourceVersion: "odd"})
	r.expect(errors.IsBadRequest(err) || errors.IsInvalid(err), "a watch from an odd version: %v", err)
	_, err = maps.Watch(r, metav1.ListOptions{LabelSelector: "a in b"})
	r.expect(errors.IsBadRequest(err), "a watch with an odd selector: %v", err)
	// Upstream's client would try ten times again.
	err = r.json.CoreV1().RESTClient().Get().Namespace(namespace).Resource("configmaps").Param("resourceVersion", "99999999999").MaxRetries(0).Do(r).Error()
	r.expect(errors.IsTimeout(err) && errors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge), "a list from the future: %v", err)
}

// What programs wait with.
func waiting(r *run) {
	namespace := r.namespace("waiting")
	deployments := r.protobuf.AppsV1().Deployments(namespace)
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.FieldSelector = fields.OneTermEqualSelector("metadata.name", "waited").String()
			return deployments.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.FieldSelector = fields.OneTermEqualSelector("metadata.name", "waited").String()
			return deployments.Watch(ctx, options)
		},
	}
	go func() {
		time.Sleep(20 * time.Millisecond)
		if _, err := deployments.Create(r, idleDeployment("waited", 3), metav1.CreateOptions{}); err != nil {
			r.fault("create: %v", err)
		}
	}()
	ctx, cancel := context.WithTimeout(r, 30*time.Second)
	defer cancel()
	last, err := watchtools.UntilWithSync(ctx, source, &appsv1.Deployment{}, nil, func(event watch.Event) (bool, error) {
		deployment, is := event.Object.(*appsv1.Deployment)
		return is && deployment.Status.ObservedGeneration >= deployment.Generation && deployment.Status.AvailableReplicas == 3, nil
	})
	r.must("until with sync", err)
	made := last.Object.(*appsv1.Deployment)
	r.must("delete", deployments.Delete(r, "waited", metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationForeground)}))
	event, err := watchtools.Until(ctx, made.ResourceVersion, source, func(event watch.Event) (bool, error) { return event.Type == watch.Deleted, nil })
	r.must("until, from a version of the past", err)
	r.same("what was deleted", nameOf(event.Object), namespace+"/waited")
	r.retryWatcher(namespace)
}

// A watch that is cut off again and again goes on where it was.
func (r *run) retryWatcher(namespace string) {
	maps := r.json.CoreV1().ConfigMaps(namespace)
	made, err := maps.Create(r, configMap("retried", nil), metav1.CreateOptions{})
	r.must("create", err)
	watcher, err := watchtools.NewRetryWatcherWithContext(r, made.ResourceVersion, &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		options.TimeoutSeconds = ptr.To(int64(1))
		return maps.Watch(ctx, options)
	}})
	r.must("retry watcher", err)
	defer watcher.Stop()
	for number := range 12 {
		changed, err := maps.Patch(r, "retried", types.MergePatchType, fmt.Appendf(nil, `{"data":{"n":"%d"}}`, number), metav1.PatchOptions{})
		r.must("patch", err)
		event := <-watcher.ResultChan()
		r.same("event of a watch that is cut off", []any{event.Type, versionOf(event.Object)}, []any{watch.Modified, changed.ResourceVersion})
		time.Sleep(200 * time.Millisecond)
	}
}

const pagedObjects = 5000

// Pages of thousands of objects, whole and in order, also when others write; a token that is too old starts again.
func paging(r *run) {
	namespace := r.namespace("paging")
	r.fill(namespace, pagedObjects)
	for form, client := range map[string]kubernetes.Interface{"json": r.json, "protobuf": r.protobuf} {
		maps := client.CoreV1().ConfigMaps(namespace)
		pages := 0
		each := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			pages++
			if pages == 3 {
				// What comes and goes between two pages is in none of them.
				if _, err := maps.Create(ctx, configMap("a-late-"+form, nil), metav1.CreateOptions{}); err != nil {
					return nil, err
				}
			}
			list, err := maps.List(ctx, options)
			if err == nil && pages == 1 {
				r.expect(list.RemainingItemCount != nil && *list.RemainingItemCount > pagedObjects-500, "remaining items: %v", list.RemainingItemCount)
			}
			return list, err
		})
		each.PageSize = 500
		last, seen := "", 0
		r.must("pages", each.EachListItem(r, metav1.ListOptions{}, func(object runtime.Object) error {
			name := nameOf(object)
			r.expect(name > last, "%s after %s", name, last)
			r.expect(name != namespace+"/a-late-"+form, "a page has what came after the first")
			last = name
			seen++
			return nil
		}))
		r.expect(seen >= pagedObjects, "%s: %d objects in pages", form, seen)
		r.expect(pages == 11, "%d pages", pages)
	}
	_, err := r.json.CoreV1().ConfigMaps(namespace).List(r, metav1.ListOptions{Limit: 1, Continue: "odd"})
	r.expect(errors.IsBadRequest(err), "an odd token: %v", err)
	list, _, err := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) {
		return r.protobuf.CoreV1().ConfigMaps(namespace).List(r, options)
	})).List(r, metav1.ListOptions{})
	r.must("list by pages", err)
	r.expect(len(items(list)) >= pagedObjects, "%d objects in a list by pages", len(items(list)))
}

func (r *run) fill(namespace string, objects int) {
	const writers = 8
	done := make(chan error, writers)
	for writer := range writers {
		go func() {
			for number := writer; number < objects; number += writers {
				if _, err := r.protobuf.CoreV1().ConfigMaps(namespace).Create(r, configMap(fmt.Sprintf("p-%05d", number), map[string]string{"text": "some words for the page"}), metav1.CreateOptions{}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range writers {
		r.must("fill", <-done)
	}
}
