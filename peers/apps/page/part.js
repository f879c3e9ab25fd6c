export const name = "a module that a module imports";
