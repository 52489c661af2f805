// Says in the page that a passkey was refused: allauth's script alone tells the console.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.getElementById("passkey-problem").hidden = false;
});
