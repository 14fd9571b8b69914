variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "repositories" {
  description = "Names of the repositories below the prefix."
  type        = list(string)
}
