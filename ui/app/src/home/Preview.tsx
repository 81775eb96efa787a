/** What a room looks like, drawn rather than told. */
export function Preview() {
  return (
    <div className="preview" aria-hidden>
      <div className="preview-window">
        <div className="preview-bar">
          <span className="preview-title">Launch plan</span>
          <span className="preview-faces">
            <i className="face face-a">A</i>
            <i className="face face-b">M</i>
            <i className="face face-c">J</i>
          </span>
        </div>
        <div className="preview-page">
          <b className="preview-line w-50 strong" />
          <b className="preview-line w-90" />
          <b className="preview-line w-70">
            <i className="preview-caret caret-b">
              <span>Mara</span>
            </i>
          </b>
          <b className="preview-line w-80 picked" />
          <b className="preview-line w-40">
            <i className="preview-caret caret-c">
              <span>Jonas</span>
            </i>
          </b>
        </div>
      </div>
      <svg className="preview-board" viewBox="0 0 220 130">
        <rect className="note" x="10" y="16" width="62" height="58" rx="5" />
        <path className="note-lines" d="M20 34h40M20 44h32M20 54h36" />
        <path className="pen" d="M78 46c20-16 30 14 50-2" />
        <path className="pen" d="m120 38 9 6-10 6" />
        <rect className="shape" x="138" y="22" width="66" height="44" rx="8" />
        <ellipse className="shape shape-b" cx="120" cy="100" rx="46" ry="20" />
      </svg>
      <div className="preview-call">
        <span className="face face-b">M</span>
        <span className="face face-c">J</span>
        <span className="preview-wave">
          <i />
          <i />
          <i />
          <i />
        </span>
      </div>
    </div>
  );
}
