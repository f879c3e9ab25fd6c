import { name } from "./part.js";

window.moduleLoaded(name);
