package hdr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// cookieV2 starts an uncompressed histogram of version 2 whose counts are variable-length integers.
const cookieV2 = 0x1c849303 | 0x10

// headerSize is the size of the header, in bytes: cookie, payload length, normalizing index offset,
// digits, lowest, highest, conversion ratio.
const headerSize = 40

// maxSlots bounds the number of slots for which a header can ask: the widest range with five
// digits.
const maxSlots = 48 << 17

// AppendV2 appends the histogram's V2 encoding. The encoding does not contain outliers.
func (h *Histogram) AppendV2(dst []byte) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, cookieV2)
	dst = binary.BigEndian.AppendUint32(dst, 0) // payload length, set below
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.digits))
	dst = binary.BigEndian.AppendUint64(dst, h.lowest)
	dst = binary.BigEndian.AppendUint64(dst, h.highest)
	dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(1))
	dst = h.appendCounts(dst)
	binary.BigEndian.PutUint32(dst[start+4:], uint32(len(dst)-start-headerSize))
	return dst
}

// appendCounts appends one count per bucket up to the last that has one. Two or more consecutive
// empty buckets are encoded as their number, negated.
func (h *Histogram) appendCounts(dst []byte) []byte {
	if h.used == 0 {
		return appendZigZag(dst, 0)
	}
	next := uint32(0)
	for _, b := range h.buckets() {
		switch gap := b.slot - next; gap {
		case 0:
		case 1:
			dst = appendZigZag(dst, 0)
		default:
			dst = appendZigZag(dst, -int64(gap))
		}
		dst = appendZigZag(dst, int64(b.count))
		next = b.slot + 1
	}
	return dst
}

// appendZigZag appends v in the ZigZag LEB128-64b9B encoding: 7 bits per byte and a continuation
// bit, except that a ninth byte carries 8 bits.
func appendZigZag(dst []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	for range 8 {
		if u < 0x80 {
			return append(dst, byte(u))
		}
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}

var errTruncated = errors.New("hdr: truncated histogram")

// zigZag decodes the first value of b, which appendZigZag encoded. It returns the rest of b.
func zigZag(b []byte) (v int64, rest []byte, err error) {
	var u uint64
	for i := range 9 {
		if i >= len(b) {
			return 0, nil, errTruncated
		}
		if i == 8 {
			u |= uint64(b[i]) << 56
			return int64(u>>1) ^ -int64(u&1), b[9:], nil
		}
		u |= uint64(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return int64(u>>1) ^ -int64(u&1), b[i+1:], nil
		}
	}
	panic("unreachable")
}

// Decode decodes an uncompressed V2 histogram of any range and precision.
func Decode(b []byte) (*Histogram, error) {
	if len(b) < headerSize {
		return nil, errTruncated
	}
	if cookie := binary.BigEndian.Uint32(b); cookie != cookieV2 {
		return nil, fmt.Errorf("hdr: cookie %#x is not that of an uncompressed V2 histogram", cookie)
	}
	if offset := binary.BigEndian.Uint32(b[8:]); offset != 0 {
		return nil, fmt.Errorf("hdr: normalizing index offset %d", offset)
	}
	digits := binary.BigEndian.Uint32(b[12:])
	if digits > 5 {
		return nil, fmt.Errorf("hdr: %d significant digits", digits)
	}
	s, err := newShape(binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:]), int(digits))
	if err != nil {
		return nil, fmt.Errorf("hdr: %w", err)
	}
	payload := b[headerSize:]
	if n := binary.BigEndian.Uint32(b[4:]); uint64(n) > uint64(len(payload)) {
		return nil, errTruncated
	} else {
		payload = payload[:n]
	}
	h := &Histogram{shape: s}
	return h, h.decodeCounts(payload)
}

func (h *Histogram) decodeCounts(payload []byte) error {
	limit := uint64(min(h.slot(h.highest), maxSlots)) + 1
	for next := uint64(0); len(payload) > 0; {
		v, rest, err := zigZag(payload)
		if err != nil {
			return err
		}
		payload = rest
		width := uint64(1)
		if v < 0 {
			width = -uint64(v)
		}
		if width > limit-next {
			return errors.New("hdr: more counts than the range has buckets")
		}
		if v > 0 {
			if h.total+uint64(v) < h.total {
				return errors.New("hdr: the counts do not fit")
			}
			h.add(uint32(next), uint64(v))
			if h.used == 1 {
				h.min = h.low(uint32(next))
			}
			h.max = h.high(uint32(next))
		}
		next += width
	}
	return nil
}
