variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "cidr" {
  description = "Addresses of the network; a /16 leaves room for 4094 addresses in each subnet."
  type        = string
}

variable "zones" {
  description = "Availability zones, at least two."
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 4
    error_message = "Give two to four availability zones."
  }
}

variable "region" {
  description = "Region of the network."
  type        = string
}
