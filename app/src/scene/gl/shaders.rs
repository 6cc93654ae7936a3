//! The programs of the map in GLSL: edges, marks (spots, aggregates, arrows, bars), nodes, text. Records are read from a texture (`program`),
//! each becomes a ribbon of squares; `program` adds the version and what all begin with.
//!
//! `scene::shape` has the same outlines in Rust; what the pointer hits agrees with what is drawn only while both are alike.

/// What every vertex shader begins with: the records, of which the one numbered `u_ribbons.x` is drawn first, each as a ribbon of `u_ribbons.y`
/// squares; and how a square's four vertices are told apart.
pub const RECORDS: &str = r"
precision highp float;
precision highp int;
uniform highp sampler2D u_records;
uniform ivec2 u_ribbons;
vec4 part(int record, int number) { return texelFetch(u_records, ivec2((record & 511) * 3 + number, record >> 9), 0); }
vec4 colour(vec2 two) {
  vec2 high = floor(two / 256.0), low = two - high * 256.0;
  return vec4(high.x, low.x, high.y, low.y) / 255.0;
}
int square() { return (gl_VertexID >> 2) + u_ribbons.x; }
vec2 corner_of_square() { return vec2(gl_VertexID & 1, (gl_VertexID >> 1) & 1); }
";

/// Edges: each record is one cubic, drawn as a ribbon of `u_ribbons.y` pieces. Which one a vertex belongs to is found with floats, exact for 16
/// bits: a renderer in software divides whole numbers one by one.
pub const EDGE_VERTEX: &str = r"
uniform highp sampler2D u_seen;
uniform vec3 u_camera;
uniform vec2 u_size;
uniform float u_ratio;
uniform float u_thin;
flat out vec4 v_colour;
flat out float v_half;
out float v_across;
#if DOTS
out float v_along;
#endif
void main() {
  int ribbon = 2 * u_ribbons.y + 2;
  int record = int((float(gl_VertexID) + 0.5) / float(ribbon));
  int vertex = gl_VertexID - record * ribbon;
  record += u_ribbons.x;
  int texel = record >> 2;
  vec4 four = texelFetch(u_seen, ivec2(texel & 1023, texel >> 10), 0);
  record = int((record & 2) == 0 ? ((record & 1) == 0 ? four.x : four.y) : ((record & 1) == 0 ? four.z : four.w));
  vec4 ab = part(record, 0), cd = part(record, 1), look = part(record, 2);
  float t = float(vertex >> 1) / float(u_ribbons.y);
  float side = float(vertex & 1) * 2.0 - 1.0;
  vec2 a = (ab.xy - u_camera.xy) * u_camera.z, d = (cd.zw - u_camera.xy) * u_camera.z;
  vec2 b = (ab.zw - u_camera.xy) * u_camera.z, c = (cd.xy - u_camera.xy) * u_camera.z;
  float s = 1.0 - t;
  vec2 p = s*s*s*a + 3.0*s*s*t*b + 3.0*s*t*t*c + t*t*t*d;
  float u = clamp(t, 0.02, 0.98), w = 1.0 - u;
  vec2 dir = w*w*(b-a) + 2.0*w*u*(c-b) + u*u*(d-c);
  float len = length(dir);
  dir = len > 1e-4 ? dir / len : vec2(1.0, 0.0);
  v_half = abs(look.z) * u_thin * u_ratio * 0.5 + 0.5;
  v_across = side * v_half;
#if DOTS
  v_along = look.z < 0.0 ? t * distance(a, d) / u_ratio : 0.0;
#endif
  vec4 own = colour(look.xy);
  v_colour = vec4(own.rgb * own.a, own.a);
  p += vec2(-dir.y, dir.x) * v_across;
  gl_Position = vec4(p / u_size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}";

/// Edges: soft borders; dots for storage.
pub const EDGE_FRAGMENT: &str = r"
precision mediump float;
flat in vec4 v_colour;
flat in float v_half;
in float v_across;
#if DOTS
in highp float v_along;
#endif
out vec4 o_colour;
void main() {
  o_colour = v_colour * min(v_half - abs(v_across), 1.0);
#if DOTS
  o_colour *= clamp((5.5 - fract(v_along / 15.0) * 15.0) / 1.5, 0.0, 1.0);
#endif
}";

/// Marks: each record is a square with a shape that three straight lines or a circle bound: arrowheads, aggregates, bars, and nodes so small that
/// they are spots. To a renderer in software every branch of a shader costs every pixel, so what is simple has a simple one.
pub const MARK_VERTEX: &str = r"
uniform vec3 u_camera;
uniform vec2 u_size;
uniform float u_least;
uniform float u_ratio;
uniform vec3 u_canvas;
out vec2 v_at;
flat out vec4 v_disc;
flat out vec4 v_lines;
flat out vec3 v_off;
flat out vec3 v_inside;
flat out vec4 v_fill;
void main() {
  int record = square();
  vec4 place = part(record, 0), colours = part(record, 1), meta = part(record, 2);
  vec2 corner = corner_of_square() * 2.0 - 1.0;
  float kind = meta.x;
  vec2 p = (place.xy - u_camera.xy) * u_camera.z;
  vec2 half_size = kind == 17.0 ? place.zw * u_ratio : place.zw * u_camera.z;
  vec2 grow = vec2(1.02);
  vec3 own = colour(colours.xy).rgb, fill = colour(colours.zw).rgb;
  float strength = meta.w / 255.0;
  // Lines: two that slant (the first three quarters of v_lines are their directions), and one across; a disc has none.
  v_disc = vec4(own, 1.0);
  v_lines = vec4(0.0);
  v_off = vec3(1.0);
  v_fill = vec4(0.0, 0.0, 0.0, 9.0);
  v_inside = own;
  v_at = corner;
  if (kind == 16.0) {
    half_size = max(half_size, vec2(4.0 * u_ratio));
    float angle = meta.w / 256.0 * 6.2831853, c = cos(angle), s = sin(angle);
    v_at = corner.yx;
    corner = vec2(corner.x * c - corner.y * s, corner.x * s + corner.y * c);
    v_disc.a = 0.0;
    v_lines = vec4(1.0, 0.35, 0.0, -1.0);
    v_off = vec3(0.35, 0.43, 9.0);
    grow = vec2(1.0);
  } else if (kind == 17.0) {
    v_inside = mix(u_canvas, mix(fill, own, 0.18), strength);
  } else if (kind == 18.0) {
    v_disc.a = 0.0;
    v_off = vec3(9.0);
    grow = vec2(1.0);
  } else {
    half_size = max(half_size, vec2(u_least));
    v_disc.rgb = v_inside = mix(u_canvas, own, strength);
    if (mod(floor(meta.y / 8.0), 2.0) >= 1.0) {
      v_fill = vec4(mix(u_canvas, mix(own, fill, 0.7), strength), meta.z > 0.0 ? 0.96 * (1.0 - 2.0 * meta.z / 255.0) : 9.0);
    }
    v_disc.a = kind == 1.0 || kind == 2.0 || kind >= 6.0 ? 0.0 : 1.0;
    if (kind == 1.0) { v_lines = vec4(1.0, 0.0, 0.0, 1.0); v_off = vec3(0.9); }
    if (kind == 2.0) { v_lines = vec4(0.5, 0.866, 0.5, -0.866); v_off = vec3(0.906); }
    if (kind == 6.0 || kind == 7.0) { v_lines = vec4(0.866, -0.5, 0.0, 1.0); v_off = vec3(0.547, 0.547, 9.0); }
    if (kind == 8.0) { v_lines = vec4(0.5, -0.866, 0.0, 1.0); v_off = vec3(0.75, 0.65, 1.2); grow = vec2(1.3); }
    if (kind >= 9.0) { v_lines = vec4(0.0, -1.0, 0.0, 1.0); v_off = vec3(1.4, 0.75, 1.0); grow = vec2(1.1, 1.6); }
  }
  vec2 wide = corner * (grow * half_size + (kind == 18.0 ? 0.0 : 1.5));
  if (kind != 16.0) v_at = wide / half_size.x;
  if (kind == 18.0) v_at = vec2(0.0);
  v_at *= half_size.x;
  v_off *= half_size.x;
  v_fill.a *= half_size.x;
  if (v_disc.a > 0.5) v_off = vec3(half_size.x, 0.0, 0.0);
  p += wide;
  gl_Position = vec4(p / u_size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}";

/// Marks: distance from circle or lines, in pixels.
pub const MARK_FRAGMENT: &str = r"
precision highp float;
in vec2 v_at;
flat in vec4 v_disc;
flat in vec4 v_lines;
flat in vec3 v_off;
flat in vec3 v_inside;
flat in vec4 v_fill;
out vec4 o_colour;
void main() {
  vec2 q = vec2(abs(v_at.x), v_at.y);
  float lines = max(max(dot(q, v_lines.xy) - v_off.x, dot(q, v_lines.zw) - v_off.y), q.x - v_off.z);
  float d = mix(lines, length(q) - v_off.x, v_disc.a);
  float cover = clamp(0.5 - d, 0.0, 1.0);
  vec3 c = mix(v_inside, v_disc.rgb, clamp(d + 2.0, 0.0, 1.0));
  c = mix(c, v_fill.rgb, clamp(v_at.y - v_fill.a + 0.5, 0.0, 1.0));
  o_colour = vec4(c * cover, cover);
}";

/// Nodes: each record is a square with a distance function.
pub const NODE_VERTEX: &str = r"
uniform vec3 u_camera;
uniform vec2 u_size;
uniform float u_least;
uniform float u_ratio;
uniform float u_outline;
out vec2 v_at;
flat out float v_radius;
flat out vec4 v_colour;
flat out vec4 v_fill;
flat out vec4 v_meta;
flat out vec3 v_polygon;
void main() {
  int record = square();
  vec4 place = part(record, 0), colours = part(record, 1), meta = part(record, 2);
  vec2 corner = corner_of_square() * 2.0 - 1.0;
  float kind = meta.x;
  vec2 p = (place.xy - u_camera.xy) * u_camera.z;
  vec2 half_size = max(place.zw * u_camera.z, vec2(u_least));
  float grow = kind >= 8.0 || mod(meta.y, 2.0) >= 1.0 || meta.y >= 16.0 ? 1.75 : 1.04 + u_outline;
  v_radius = half_size.x;
  vec2 wide = corner * (grow * half_size + 1.5);
  v_at = wide / half_size.x;
  v_colour = colour(colours.xy);
  v_fill = colour(colours.zw);
  v_meta = meta;
  float sides = kind == 2.0 ? 6.0 : kind == 3.0 ? 7.0 : kind == 4.0 ? 8.0 : kind == 5.0 ? 5.0 : 3.0;
  float h = 3.14159265 / sides, inner = cos(h) * (1.0 + 0.28 / sides) - 0.16;
  v_polygon = vec3(h, inner, inner * tan(h));
  p += wide;
  gl_Position = vec4(p / u_size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}";

/// Nodes: body, fill, ring, outline, dot, badge, halo by distance.
pub const NODE_FRAGMENT: &str = r"
precision highp float;
in vec2 v_at;
flat in float v_radius;
flat in vec4 v_colour;
flat in vec4 v_fill;
flat in vec4 v_meta;
flat in vec3 v_polygon;
uniform vec3 u_canvas;
uniform vec3 u_body;
uniform vec3 u_ring;
uniform vec3 u_mark;
uniform vec3 u_accent;
uniform float u_outline;
out vec4 o_colour;
float box(vec2 p, vec2 b, float r) { vec2 q = abs(p) - b + r; return length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - r; }
float polygon(vec2 p) {
  float h = v_polygon.x;
  float a = mod(atan(p.x, -p.y), 2.0 * h) - h;
  vec2 q = length(p) * vec2(cos(a), abs(sin(a)));
  vec2 d = vec2(q.x - v_polygon.y, max(q.y - v_polygon.z, 0.0));
  return (d.y > 0.0 ? length(d) : d.x) - 0.16;
}
float outline(vec2 p, float kind) {
  if (kind == 0.0) return length(p) - 1.0;
  if (kind == 1.0) return box(p, vec2(0.9), 0.4);
  if (kind < 8.0) return polygon(p);
  if (kind == 8.0) {
    float d = min(length(p - vec2(-0.72, 0.2)) - 0.5, length(p - vec2(-0.22, -0.12)) - 0.62);
    d = min(d, min(length(p - vec2(0.36, -0.02)) - 0.5, length(p - vec2(0.82, 0.26)) - 0.44));
    return min(d, box(p - vec2(0.02, 0.38), vec2(1.2, 0.32), 0.32));
  }
  if (kind == 9.0 || kind == 10.0) {
    float rim = 0.2 * sqrt(1.0 - min(p.x * p.x, 1.0));
    return max(abs(p.x) - 1.0, p.y > -0.35 ? p.y - 0.55 - rim : -1.25 - rim - p.y);
  }
  return box(p - vec2(-0.2, -0.4), vec2(1.0, 1.2), 0.06) * 0.8;
}
void over(inout vec4 under, vec3 colour, float alpha) { under = vec4(mix(under.rgb, colour, alpha), 1.0 - (1.0 - under.a) * (1.0 - alpha)); }
void main() {
  float kind = v_meta.x;
  float px = 1.0 / max(v_radius, 0.5);
  float flags = v_meta.y;
  bool halo = mod(flags, 2.0) >= 1.0;
  bool camera = mod(floor(flags / 2.0), 2.0) >= 1.0;
  bool no_dot = mod(floor(flags / 4.0), 2.0) >= 1.0;
  bool filled = mod(floor(flags / 8.0), 2.0) >= 1.0;
  bool pinned = mod(floor(flags / 16.0), 2.0) >= 1.0;
  bool cursor = mod(floor(flags / 32.0), 2.0) >= 1.0;
  float strength = v_meta.w / 255.0;
  float d = outline(v_at, kind);
  vec4 colour = vec4(u_canvas, 0.0);
  if (halo) over(colour, u_accent, 0.32 * smoothstep(0.34 + px, 0.34 - px, d));
  if (cursor) over(colour, u_accent, clamp(1.5 - abs(d - 0.36) * v_radius, 0.0, 1.0));
  float inside = clamp(0.5 - d * v_radius, 0.0, 1.0);
  // Small glyphs are plain spots of their colour; detail comes as they grow.
  float detail = smoothstep(4.5, 10.0, v_radius);
  vec3 body = mix(v_colour.rgb, u_body, detail);
  vec3 c = body;
  if (filled) {
    float level = 0.96 * (1.0 - 2.0 * v_meta.z / 255.0);
    float fill = v_meta.z > 0.0 ? smoothstep(level - px, level + px, v_at.y) : 0.0;
    c = mix(c, v_fill.rgb, 0.7 * fill);
  }
  float stroke = max(u_outline, 0.65 * px) * detail;
  float edge = smoothstep(stroke + px * 0.75, stroke - px * 0.75, abs(d));
  float ring = smoothstep(stroke + 0.1, stroke + 0.02, -d) * detail;
  if (!filled) c = mix(c, u_ring, ring * 0.8);
  if (kind >= 9.0 && kind <= 10.0) {
    float rim = abs(v_at.y + 1.25 - 0.2 * sqrt(max(1.0 - v_at.x * v_at.x, 0.0)));
    if (v_at.y > -1.3) edge = max(edge, smoothstep(stroke + px, stroke - px, rim) * step(-d, 2.0) * inside);
  }
  if (kind == 11.0) {
    float rules = min(abs(v_at.x + 0.8), abs(v_at.y + 1.2));
    edge = max(edge, smoothstep(stroke * 0.8 + px, stroke * 0.8 - px, rules) * inside);
  }
  if (kind == 7.0 || kind == 10.0) {
    float turn = kind == 7.0 ? atan(v_at.y, v_at.x) * 1.0 : v_at.y + v_at.x * 0.9;
    edge *= 1.0 - smoothstep(0.32, 0.38, abs(mod(turn * 1.667, 1.0) - 0.5)) * detail;
  }
  c = mix(c, v_colour.rgb, edge * (filled && !halo ? 0.85 : 1.0));
  float cover = max(inside, edge);
  if (!no_dot) c = mix(c, u_mark, smoothstep(0.13 + px, 0.13 - px, length(v_at)) * detail * 0.92);
  if (camera && v_radius > 9.0) {
    vec2 q = v_at - vec2(0.55, 0.22);
    float shot = min(box(q, vec2(0.3, 0.2), 0.05), box(q - vec2(-0.05, -0.2), vec2(0.12, 0.08), 0.03));
    float lens = abs(length(q) - 0.1) - 0.03;
    float badge = smoothstep(px, -px, shot) * (1.0 - smoothstep(px, -px, lens));
    c = mix(c, u_mark, badge);
  }
  over(colour, mix(u_canvas, c, strength), cover);
  if (pinned && v_radius > 5.0) {
    float pin = length(v_at - vec2(0.82, -0.82)) - 0.17;
    over(colour, u_canvas, smoothstep(px, -px, pin - 0.06));
    over(colour, mix(u_canvas, vec3(1.0, 0.42, 0.1), strength), smoothstep(px, -px, pin));
  }
  o_colour = vec4(colour.rgb * colour.a, colour.a);
}";

/// Text and plates: screen-space squares; the texture holds coverage.
pub const TEXT_VERTEX: &str = r"
uniform vec2 u_size;
out vec2 v_uv;
flat out vec4 v_colour;
flat out float v_plain;
void main() {
  int record = square();
  vec4 rect = part(record, 0), uv = part(record, 1);
  vec2 unit = corner_of_square();
  vec2 p = rect.xy + unit * rect.zw;
  v_uv = uv.xy + unit * uv.zw;
  v_plain = uv.z <= 0.0 ? 1.0 : 0.0;
  v_colour = colour(part(record, 2).xy);
  gl_Position = vec4(p / u_size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}";

/// Text and plates.
pub const TEXT_FRAGMENT: &str = r"
precision mediump float;
in highp vec2 v_uv;
flat in vec4 v_colour;
flat in float v_plain;
uniform highp sampler2D u_atlas;
out vec4 o_colour;
void main() {
  float cover = v_plain > 0.5 ? 1.0 : texelFetch(u_atlas, ivec2(v_uv), 0).r;
  float alpha = v_colour.a * cover;
  o_colour = vec4(v_colour.rgb * alpha, alpha);
}";
