package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// shown is a value with its type, in a form that both sides can write.
func shown(value ref.Val) any {
	switch v := value.(type) {
	case types.Bool:
		return []any{"bool", bool(v)}
	case types.Int:
		return []any{"int", strconv.FormatInt(int64(v), 10)}
	case types.Uint:
		return []any{"uint", strconv.FormatUint(uint64(v), 10)}
	case types.Double:
		if math.IsNaN(float64(v)) {
			return []any{"double", "NaN"}
		}
		return []any{"double", strconv.FormatUint(math.Float64bits(float64(v)), 16)}
	case types.String:
		return []any{"string", string(v)}
	case types.Bytes:
		return []any{"bytes", base64.StdEncoding.EncodeToString(v)}
	case types.Null:
		return []any{"null"}
	case types.Duration:
		return []any{"duration", strconv.FormatInt(int64(v.Duration), 10)}
	case types.Timestamp:
		return []any{"timestamp", v.UTC().Format(time.RFC3339Nano)}
	case *types.Optional:
		if !v.HasValue() {
			return []any{"none"}
		}
		return []any{"optional", shown(v.GetValue())}
	case *types.Type:
		return []any{"type", v.TypeName()}
	case traits.Mapper:
		return shownEntries(v, v.Get)
	case traits.Lister:
		items := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			items = append(items, shown(it.Next()))
		}
		return []any{"list", items}
	}
	return shownOther(value)
}

func shownEntries(v traits.Iterable, get func(ref.Val) ref.Val) any {
	entries := [][]any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		entries = append(entries, []any{shown(key), shown(get(key))})
	}
	text := func(at int) string {
		encoded, err := json.Marshal(entries[at][0])
		if err != nil {
			panic(err)
		}
		return string(encoded)
	}
	sort.Slice(entries, func(a, b int) bool { return text(a) < text(b) })
	return []any{"map", entries}
}

// shownOther is for Kubernetes' own types: the name, and the text where the value behind it has one.
func shownOther(value ref.Val) any {
	name := value.Type().TypeName()
	if text, ok := value.Value().(fmt.Stringer); ok {
		return []any{"opaque", name, text.String()}
	}
	return []any{"opaque", name}
}
