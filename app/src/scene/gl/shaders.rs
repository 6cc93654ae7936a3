//! The three programs of the map in GLSL: edges, glyphs, text.
//!
//! `scene::shape` has the same outlines in Rust; what the pointer hits agrees with what is drawn only while both are alike.

/// Edges: each instance is one cubic, drawn as a ribbon of `u_steps` pieces.
pub const EDGE_VERTEX: &str = r"#version 300 es
precision highp float;
layout(location = 0) in vec4 a_ab;
layout(location = 1) in vec4 a_cd;
layout(location = 2) in vec4 a_colour;
layout(location = 3) in float a_width;
uniform vec3 u_camera;
uniform vec2 u_size;
uniform float u_ratio;
uniform float u_steps;
uniform float u_thin;
out vec4 v_colour;
out vec2 v_across;
out float v_along;
vec2 screen(vec2 p) { return (p - u_camera.xy) * u_camera.z; }
void main() {
  float t = floor(float(gl_VertexID) * 0.5) / u_steps;
  float side = float(gl_VertexID & 1) * 2.0 - 1.0;
  vec2 a = screen(a_ab.xy), b = screen(a_ab.zw), c = screen(a_cd.xy), d = screen(a_cd.zw);
  float s = 1.0 - t;
  vec2 p = s*s*s*a + 3.0*s*s*t*b + 3.0*s*t*t*c + t*t*t*d;
  float u = clamp(t, 0.02, 0.98), w = 1.0 - u;
  vec2 dir = w*w*(b-a) + 2.0*w*u*(c-b) + u*u*(d-c);
  float len = length(dir);
  dir = len > 1e-4 ? dir / len : vec2(1.0, 0.0);
  float width = abs(a_width) * u_thin * u_ratio;
  float half_width = width * 0.5 + 0.75;
  v_across = vec2(side * half_width, width * 0.5);
  v_along = a_width < 0.0 ? t * distance(a, d) / u_ratio : -1.0;
  v_colour = a_colour;
  p += vec2(-dir.y, dir.x) * side * half_width;
  gl_Position = vec4(p / u_size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}";

/// Edges: soft borders; dots for storage.
pub const EDGE_FRAGMENT: &str = r"#version 300 es
precision mediump float;
in vec4 v_colour;
in vec2 v_across;
in highp float v_along;
out vec4 o_colour;
void main() {
  float cover = clamp(v_across.y + 0.5 - abs(v_across.x), 0.0, 1.0);
  if (v_along >= 0.0) { float m = mod(v_along, 15.0); cover *= 1.0 - smoothstep(4.0, 5.5, m); }
  float alpha = v_colour.a * cover;
  o_colour = vec4(v_colour.rgb * alpha, alpha);
}";

/// Glyphs: each instance is a square with a distance function.
pub const GLYPH_VERTEX: &str = r"#version 300 es
precision highp float;
layout(location = 0) in vec2 a_corner;
layout(location = 1) in vec4 a_place;
layout(location = 2) in vec4 a_colour;
layout(location = 3) in vec4 a_fill;
layout(location = 4) in vec4 a_meta;
uniform vec3 u_camera;
uniform vec2 u_size;
uniform float u_least;
uniform float u_ratio;
out vec2 v_at;
out float v_radius;
flat out vec4 v_colour;
flat out vec4 v_fill;
flat out vec4 v_meta;
void main() {
  float kind = a_meta.x;
  vec2 half_size = kind == 17.0 ? a_place.zw * u_ratio : a_place.zw * u_camera.z;
  if (kind < 16.0) half_size = max(half_size, vec2(u_least));
  vec2 p = (a_place.xy - u_camera.xy) * u_camera.z;
  float grow = kind == 18.0 ? 1.0 : (mod(a_meta.y, 2.0) >= 1.0 || a_meta.y >= 16.0 ? 1.75 : 1.42);
  if (kind < 16.0 && grow < 1.5 && kind >= 8.0) grow = 1.75;
  vec2 corner = a_corner;
  if (kind == 16.0) {
    float angle = a_meta.w / 256.0 * 6.2831853;
    v_at = a_corner;
    float c = cos(angle), s = sin(angle);
    corner = vec2(a_corner.x * c - a_corner.y * s, a_corner.x * s + a_corner.y * c);
    grow = 1.0;
    half_size = max(half_size, vec2(4.0 * u_ratio));
  } else {
    v_at = a_corner * grow;
  }
  v_radius = half_size.x;
  v_colour = a_colour;
  v_fill = a_fill;
  v_meta = a_meta;
  p += corner * grow * half_size + (kind == 18.0 ? vec2(0.0) : corner * 1.5);
  gl_Position = vec4(p / u_size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}";

/// Glyphs: body, fill, ring, outline, dot, badge, halo by distance.
pub const GLYPH_FRAGMENT: &str = r"#version 300 es
precision highp float;
in vec2 v_at;
in float v_radius;
flat in vec4 v_colour;
flat in vec4 v_fill;
flat in vec4 v_meta;
uniform vec3 u_canvas;
uniform vec3 u_body;
uniform vec3 u_ring;
uniform vec3 u_mark;
uniform vec3 u_accent;
uniform float u_outline;
out vec4 o_colour;
float box(vec2 p, vec2 b, float r) { vec2 q = abs(p) - b + r; return length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - r; }
float polygon(vec2 p, float n) {
  float h = 3.14159265 / n;
  float a = mod(atan(p.x, -p.y), 2.0 * h) - h;
  float l = length(p);
  vec2 q = vec2(l * cos(a), abs(l * sin(a)));
  float ap = cos(h) * (1.0 + 0.28 / n) - 0.16;
  float e = ap * tan(h);
  vec2 d = vec2(q.x - ap, max(q.y - e, 0.0));
  return (d.y > 0.0 ? length(d) : d.x) - 0.16;
}
float outline(vec2 p, float kind) {
  if (kind == 0.0) return length(p) - 1.0;
  if (kind == 1.0) return box(p, vec2(0.9), 0.4);
  if (kind == 2.0) return polygon(p, 6.0);
  if (kind == 3.0) return polygon(p, 7.0);
  if (kind == 4.0) return polygon(p, 8.0);
  if (kind == 5.0) return polygon(p, 5.0);
  if (kind == 6.0 || kind == 7.0) return polygon(p, 3.0);
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
  if (kind == 16.0) {
    float d = max(abs(v_at.y) - (1.0 - v_at.x) * 0.35, -v_at.x - 0.43) * v_radius;
    float cover = clamp(0.5 - d, 0.0, 1.0);
    o_colour = vec4(v_colour.rgb * cover, cover);
    return;
  }
  if (kind == 18.0) { o_colour = vec4(v_colour.rgb, 1.0); return; }
  if (kind == 17.0) {
    float d = (length(v_at) - 1.0) * v_radius;
    float cover = clamp(0.5 - d, 0.0, 1.0);
    vec3 inside = mix(u_canvas, mix(v_fill.rgb, v_colour.rgb, 0.18), v_meta.w / 255.0);
    vec3 c = mix(inside, v_colour.rgb, clamp(d + 2.0, 0.0, 1.0));
    o_colour = vec4(c * cover, cover);
    return;
  }
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

/// Text and plates: screen-space quads; the texture holds coverage.
pub const TEXT_VERTEX: &str = r"#version 300 es
precision highp float;
layout(location = 0) in vec2 a_corner;
layout(location = 1) in vec4 a_rect;
layout(location = 2) in vec4 a_uv;
layout(location = 3) in vec4 a_colour;
uniform vec2 u_size;
out vec2 v_uv;
flat out vec4 v_colour;
flat out float v_plain;
void main() {
  vec2 unit = a_corner * 0.5 + 0.5;
  vec2 p = a_rect.xy + unit * a_rect.zw;
  v_uv = a_uv.xy + unit * a_uv.zw;
  v_plain = a_uv.z <= 0.0 ? 1.0 : 0.0;
  v_colour = a_colour;
  gl_Position = vec4(p / u_size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}";

/// Text and plates.
pub const TEXT_FRAGMENT: &str = r"#version 300 es
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
