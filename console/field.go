package console

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"mini-redis/console/wire/commonpb"
)

// Field is a name with a value that a viewer shows: a property of a task, or a part of the state of
// a resource or of an async operation.
type Field struct {
	name string
	kind fieldKind
	num  uint64
	text string
	unit string
}

type fieldKind uint8

const (
	fieldText fieldKind = iota
	fieldUint
	fieldInt
	fieldBool
)

// Text, Uint, Int and Bool return a field with the given name and value.
func Text(name, value string) Field    { return Field{name: name, text: value} }
func Uint(name string, v uint64) Field { return Field{name: name, kind: fieldUint, num: v} }
func Int(name string, value int64) Field {
	return Field{name: name, kind: fieldInt, num: uint64(value)}
}
func Bool(name string, value bool) Field {
	f := Field{name: name, kind: fieldBool}
	if value {
		f.num = 1
	}
	return f
}

// In returns the field with a unit, for example "ms" or "B". Viewers show units only for the state
// of resources and async operations.
func (f Field) In(unit string) Field {
	f.unit = unit
	return f
}

// Name returns the field's name.
func (f Field) Name() string { return f.name }

// String returns the value as text, without its unit.
func (f Field) String() string {
	switch f.kind {
	case fieldUint:
		return strconv.FormatUint(f.num, 10)
	case fieldInt:
		return strconv.FormatInt(int64(f.num), 10)
	case fieldBool:
		return strconv.FormatBool(f.num != 0)
	}
	return f.text
}

// maxText is the maximum length of a text in a message, in bytes.
const maxText = 1024

// clean shortens s to maxText bytes and replaces invalid UTF-8, which would make marshaling the
// whole message fail.
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

// message returns the field as a message that refers to metadata meta.
func (f Field) message(meta uint64) *commonpb.Field {
	m := &commonpb.Field{Name: &commonpb.Field_StrName{StrName: clean(f.name)}, MetadataId: &commonpb.MetaId{Id: meta}}
	switch f.kind {
	case fieldUint:
		m.Value = &commonpb.Field_U64Val{U64Val: f.num}
	case fieldInt:
		m.Value = &commonpb.Field_I64Val{I64Val: int64(f.num)}
	case fieldBool:
		m.Value = &commonpb.Field_BoolVal{BoolVal: f.num != 0}
	default:
		m.Value = &commonpb.Field_StrVal{StrVal: clean(f.text)}
	}
	return m
}

func attributes(fields []Field, meta uint64) []*commonpb.Attribute {
	list := make([]*commonpb.Attribute, 0, len(fields))
	for _, f := range fields {
		a := &commonpb.Attribute{Field: f.message(meta)}
		if f.unit != "" {
			a.Unit = &f.unit
		}
		list = append(list, a)
	}
	return list
}
