package main

import (
	"encoding"
	"reflect"
)

// words is a part of the declaration as JSON under the declaration's own keys, so that
// what --json prints is called what people wrote. Absent parts are left out.
func words(value any) any { return wordsOf(reflect.ValueOf(value)) }

func wordsOf(v reflect.Value) any {
	if !v.IsValid() || v.IsZero() {
		return nil
	}
	if text, ok := reflect.TypeAssert[encoding.TextMarshaler](v); ok {
		return text
	}
	switch v.Kind() {
	case reflect.Pointer:
		return wordsOf(v.Elem())
	case reflect.Slice:
		out := make([]any, 0, v.Len())
		for i := range v.Len() {
			out = append(out, wordsOf(v.Index(i)))
		}
		return out
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			key := v.Type().Field(i).Tag.Get("key")
			if word := wordsOf(v.Field(i)); word != nil && len(key) > 1 {
				out[key] = word
			}
		}
		return out
	}
	return v.Interface()
}
