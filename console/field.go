package console

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"mini-redis/console/wire/commonpb"
)

// Field is a name and a value that a viewer shows: of a task, or of the state
// of a resource or an async operation.
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

// Text, Uint, Int and Bool make fields.
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

// In returns the field with a unit: ms, B. Units are shown for states only.
func (f Field) In(unit string) Field {
	f.unit = unit
	return f
}

// Name is the field's name.
func (f Field) Name() string { return f.name }

// String is the value as a person reads it, without its unit.
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

// maxText bounds what one text adds to a message, in bytes.
const maxText = 1024

// clean makes a text fit for the wire, where a byte that is not UTF-8 would
// fail the whole message.
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

// message returns the field for the wire.
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
