// Starts Swagger UI on the API reference page: signed in as the person, so "Try it out" does what they may do.
const box = document.querySelector("#swagger-ui");

window.SwaggerUIBundle({
  url: box.dataset.schema,
  domNode: box,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "none",
  validatorUrl: null, // nothing is sent to anybody's validator
  requestInterceptor(request) {
    if (request.method && request.method !== "GET") request.headers["X-CSRFToken"] = box.dataset.csrf;
    return request;
  },
});
