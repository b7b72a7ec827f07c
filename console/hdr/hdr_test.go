package hdr

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	reference "github.com/HdrHistogram/hdrhistogram-go"
)

const second = 1_000_000_000

// uncompressed returns the uncompressed V2 encoding of h, extracted from the compressed one that
// the reference library writes.
func uncompressed(t testing.TB, h *reference.Histogram) []byte {
	t.Helper()
	text, err := h.Encode(reference.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(raw[8:]))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// recordBoth records the values in a histogram of this package and in one of the reference library.
func recordBoth(t testing.TB, highest uint64, digits int, values ...uint64) (*Histogram, *reference.Histogram) {
	t.Helper()
	ours, theirs := New(highest, digits), reference.New(1, int64(highest), digits)
	for _, v := range values {
		ours.Record(v)
		if v <= highest {
			if err := theirs.RecordValue(int64(v)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return ours, theirs
}

// logUniform returns n random values between 1 ns and 1 s, uniformly distributed on a log scale.
func logUniform(seed uint64, n int) []uint64 {
	r := rand.New(rand.NewPCG(seed, 1))
	values := make([]uint64, n)
	for i := range values {
		values[i] = uint64(math.Exp(r.Float64() * math.Log(second)))
	}
	return values
}

func TestEncodingMatchesReference(t *testing.T) {
	f := func(highest uint64, digits int, values ...uint64) {
		t.Helper()
		ours, theirs := recordBoth(t, highest, digits, values...)
		if got, want := ours.AppendV2(nil), uncompressed(t, theirs); !bytes.Equal(got, want) {
			t.Errorf("%d digits to %d, %d values:\n got %x\nwant %x", digits, highest, len(values), got, want)
		}
	}
	f(second, 2)
	f(second, 2, 0)
	f(second, 2, 1, 1, 2, 4, 255, 256, 257, 512)
	f(second, 2, second)
	f(second, 2, second+1, 7)
	f(second, 2, slices.Repeat([]uint64{12345}, 100_000)...)
	for digits := 1; digits <= 5; digits++ { // the reference replaces 0 by 1
		f(second, digits, logUniform(uint64(digits), 5000)...)
		f(math.MaxInt64, digits, 0, 1, math.MaxInt64/3, math.MaxInt64)
	}
}

func TestZigZagEncoding(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 1 << 40, math.MaxInt64, math.MinInt64} {
		b := appendZigZag([]byte{9}, v)
		got, rest, err := zigZag(b[1:])
		if err != nil || got != v || len(rest) != 0 || len(b) > 10 {
			t.Errorf("%d: %d, %d bytes left, %v, %d bytes long", v, got, len(rest), err, len(b)-1)
		}
	}
}

func TestDecodedHistogramMatchesReference(t *testing.T) {
	for digits := 1; digits <= 5; digits++ {
		_, theirs := recordBoth(t, second, digits, logUniform(uint64(digits)+100, 3000)...)
		h, err := Decode(uncompressed(t, theirs))
		if err != nil {
			t.Fatal(err)
		}
		if int64(h.Total()) != theirs.TotalCount() || int64(h.Max()) != theirs.Max() {
			t.Errorf("%d digits: %d values up to %d, want %d up to %d", digits, h.Total(), h.Max(), theirs.TotalCount(), theirs.Max())
		}
		for _, p := range []float64{0.1, 10, 25, 50, 75, 90, 95, 99, 99.9, 100} {
			if got, want := int64(h.Percentile(p)), theirs.ValueAtPercentile(p); got != want {
				t.Errorf("%d digits, p%g: %d, want %d", digits, p, got, want)
			}
		}
		if again := h.AppendV2(nil); !bytes.Equal(again, uncompressed(t, theirs)) {
			t.Errorf("%d digits: decoding and encoding changed the bytes", digits)
		}
	}
}

func TestBarsCountEveryValueOnce(t *testing.T) {
	h, _ := recordBoth(t, second, 2, logUniform(7, 1000)...)
	for _, n := range []int{1, 2, 17, 400} {
		var sum uint64
		for _, c := range h.Bars(n) {
			sum += c
		}
		if sum != h.Total() {
			t.Errorf("%d bars hold %d of %d", n, sum, h.Total())
		}
	}
	h, _ = recordBoth(t, second, 2, 100, 100, 200_000)
	if bars := h.Bars(10); bars[0] != 2 || bars[9] != 1 {
		t.Errorf("%v", bars)
	}
	if bars := New(second, 2).Bars(10); bars != nil {
		t.Errorf("%v for an empty histogram, want nil", bars)
	}
	h, _ = recordBoth(t, math.MaxInt64, 2, 0, math.MaxInt64)
	if bars := h.Bars(3); bars[0] != 1 || bars[2] != 1 {
		t.Errorf("%v", bars)
	}
}

func TestOutliersAreCountedSeparately(t *testing.T) {
	h := New(second, 2)
	for _, v := range []uint64{5, second, second + 1, 3 * second, 2 * second} {
		h.Record(v)
	}
	if h.Total() != 2 || h.Outliers != 3 || h.Outlier != 3*second {
		t.Errorf("%d counted, %d outliers up to %d", h.Total(), h.Outliers, h.Outlier)
	}
}

func TestCloneIsIndependent(t *testing.T) {
	h := New(second, 2)
	h.Record(5)
	c := h.Clone()
	h.Record(5)
	h.Record(500)
	if c.Total() != 1 || len(c.buckets()) != 1 || (*Histogram)(nil).Clone() != nil {
		t.Errorf("%+v", c)
	}
}

func TestCountsOver32Bits(t *testing.T) {
	h := New(second, 2)
	h.Record(7)
	h.add(h.slot(7), math.MaxUint32)
	h.add(h.slot(7), math.MaxUint32)
	h.Record(9)
	c := h.Clone()
	h.Record(7)
	if b := c.buckets(); len(b) != 2 || b[0].count != 2*math.MaxUint32+1 || c.Total() != 2*math.MaxUint32+2 {
		t.Errorf("%+v", b)
	}
	d, err := Decode(h.AppendV2(nil))
	if err != nil || d.Total() != h.Total() || d.buckets()[0] != h.buckets()[0] {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestDecodeRejectsInvalidInput(t *testing.T) {
	good := func() []byte {
		h, _ := recordBoth(t, second, 2, 1, 2, 3, 5000)
		return h.AppendV2(nil)
	}
	f := func(name string, change func(b []byte) []byte) {
		t.Helper()
		if h, err := Decode(change(good())); err == nil {
			t.Errorf("%s: decoded %+v", name, h)
		}
	}
	f("nothing", func([]byte) []byte { return nil })
	f("compressed cookie", func(b []byte) []byte { b[3] = 0x14; return b })
	f("half", func(b []byte) []byte { return b[:len(b)-1] })
	f("offset", func(b []byte) []byte { b[11] = 1; return b })
	f("digits", func(b []byte) []byte { b[15] = 6; return b })
	f("lowest", func(b []byte) []byte { b[23] = 0; return b })
	f("highest", func(b []byte) []byte { clear(b[24:32]); return b })
	f("zeros past the end", func(b []byte) []byte {
		b = appendZigZag(b[:headerSize], -1_000_000)
		b[7] = byte(len(b) - headerSize)
		return b
	})
	f("unterminated varint", func(b []byte) []byte {
		b = append(b[:headerSize], 0x80)
		b[7] = 1
		return b
	})
}

func FuzzDecode(f *testing.F) {
	h, _ := recordBoth(f, second, 2, logUniform(3, 50)...)
	f.Add(h.AppendV2(nil))
	f.Add(New(second, 0).AppendV2(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode(h.AppendV2(nil))
		if err != nil || again.Total() != h.Total() || again.Max() != h.Max() || again.Min() != h.Min() {
			t.Fatalf("%+v was decoded as %+v, error %v", h, again, err)
		}
		h.Percentile(99)
		h.Bars(40)
	})
}

// BenchmarkRecord records random values, which the branch predictor cannot learn, in 100
// histograms, as a server with 100 busy connections does.
func BenchmarkRecord(b *testing.B) {
	var hs [100]*Histogram
	for i := range hs {
		hs[i] = New(second, 2)
	}
	values := logUniform(1, 1<<16)
	for i := 0; b.Loop(); i++ {
		hs[i%len(hs)].Record(values[i&(1<<16-1)] & 0xffff)
	}
}
